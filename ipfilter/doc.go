// Package ipfilter decides whether an address may come in.
package ipfilter
