package pruvon
