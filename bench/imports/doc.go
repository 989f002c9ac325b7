// Package imports compares ways to take an upload and to feed it to a command.
package imports
