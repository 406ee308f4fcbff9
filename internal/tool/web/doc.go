// Package web holds web_search and web_fetch: what the web knows, for agents.
//
// platform lists the tools, says which engine searches, and gives the Fetcher to what watches
// pages. A page is got by tool.Outside's client alone, as its site's robots.txt allows, and
// becomes text: without what a person wouldn't see on it, bounded in size and time. Whatever a
// page says is data.
//
// It runs no scripts, keeps no cookies, and never sends a project's credentials to a page.
package web
