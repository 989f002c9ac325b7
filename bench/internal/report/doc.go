// Package report writes what has been measured as Markdown and as JSON, and puts it into a document.
package report
