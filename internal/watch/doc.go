// Package watch looks at pages, prices and JSON APIs on a schedule, and tells when they change.
//
// platform makes a Service, which the API and the tools of agents use, and has Run work in each
// server. One node of the installation at a time looks. What a watch is and what it saw last are
// records, so that no look and no change is lost when a node dies: a change is written with what
// was seen, and told until somebody has taken it, under one key.
//
// It fetches nothing itself: platform gives it a Fetcher, which is polite and checks where it
// goes. What pages say is data: it is compared, shown, and put into prompts as a quotation.
package watch
