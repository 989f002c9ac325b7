// Package logs compares ways to show a log that is being written to many
// viewers: the product's, the least that a server can do, and what a service
// would use otherwise.
package logs
