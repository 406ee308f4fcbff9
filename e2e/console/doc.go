// Package console runs the web console in Debian's Chromium, before the real program on SQLite and on PostgreSQL. What is
// done and looked at there is in web/test, a file for each part of the console.
package console
