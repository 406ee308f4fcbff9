package parse

// featureKind is what an app can offer on top of its entries.
type featureKind string

const (
	search   featureKind = "search"
	filter   featureKind = "filter"
	sorting  featureKind = "sorting"
	totals   featureKind = "totals"
	charting featureKind = "chart"
	csv      featureKind = "CSV"
	kanban   featureKind = "board"
	calendar featureKind = "calendar"
	overdue  featureKind = "overdue marks"
	given    featureKind = "given" // every app has it anyway
)

// feature is a wish for one: by what it is grouped, and of what it is made.
type feature struct {
	kind   featureKind
	of, by phrase
	month  bool // by month
}

// featureWords are the phrases that name a feature, the longest first among
// those that share words.
var featureWords = []struct {
	kind  featureKind
	words patterns
}{
	{given, split("dark mode,dark theme,light mode,mobile friendly,phone friendly,mobile version,responsive design,responsive,on mobile,works on phone,on my phone,on phone,on a phone,keyboard friendly,by keyboard,keyboard navigation,accessible,crud,data validation,input validation,validation,validated")},
	{csv, split("csv import and export,import and export csv,csv import,csv export,import csv,export csv,export to csv,import from csv,export to excel,import from excel,excel export,excel import,export to spreadsheet,csv file,csv,excel,spreadsheet export,download as csv,import,export,importing,exporting")},
	{kanban, split("kanban board,kanban view,kanban,pipeline board,pipeline view,board view,task board,drag and drop board,swimlane,scrum board,trello style board,board")},
	{calendar, split("calendar view,month view,monthly calendar,calendar,in a calendar")},
	{overdue, split("overdue mark,overdue marker,mark overdue,highlight overdue,overdue highlighting,show overdue,overdue one,overdue entry,overdue warning,overdue,past due,late one,highlight late,expired one,highlight expired")},
	{charting, split("bar chart,pie chart,line chart,column chart,chart,graph,plot,diagram,histogram,statistic,stat,visualization,visualisation,trend,report")},
	{totals, split("running total,total amount per,total per,total by,total for each,total of,total,sum of,sum per,sum by,sum,subtotal,count per,count by,number per,summary per,summary by,how much per")},
	{search, split("full text search,search bar,search box,search function,search field,searching,searchable,search,lookup,findable,find")},
	{filter, split("filter,filtering,filterable,filtered")},
	{sorting, split("sort,sorting,sortable,sorted,order by,ordered by,ordering")},
}

// featureOf reads a feature out of p. A "total" in the singular, without "per",
// is a field and not a feature.
func featureOf(p phrase) (f feature, ok bool) {
	f, at, n := featureAt(p)
	if n == 0 {
		return feature{}, false
	}
	hit := p[at : at+n]
	if f.kind == totals && !isPlural(p[at]) && !p.has("per", "by", "each", "every", "of", "sum") || f.kind == totals && hit.has("total") && at+n < len(p) && p[at+n].low == "amount" && !p.has("per", "by", "each") {
		return feature{}, false
	}
	if hit.lower() == "board" && (len(p[:at].content()) > 0 || at+n < len(p) && !argumentWords[p[at+n].low] && p[at+n].low != "view") {
		return feature{}, false
	}
	if f.kind == given && len(p.content()) > n+2 {
		return feature{}, false
	}
	if f.kind == charting && hit.lower() == "report" || hit.lower() == "plot" && len(p) == 1 {
		return feature{}, false
	}
	for n > 1 && argumentWords[p[at+n-1].low] {
		n--
	}
	before, after := p[:at], p[at+n:]
	if t, k := fieldType(p); k > 0 && t != "" && len(after) > 0 && len(after.content()) == k && f.kind != totals && !after.has("by", "per", "of", "for", "each") {
		return feature{}, false // "export date", "search engine link" are fields
	}
	f.arguments(before, after)
	return f, true
}

// argumentWords lead to what a feature is of or by.
var argumentWords = set("per,by,of,for,each")

// featureAt returns the feature whose name stands earliest in p, and where.
func featureAt(p phrase) (f feature, at, n int) {
	at = len(p)
	for _, fw := range featureWords {
		for _, w := range fw.words {
			if i, k := p.seek(w); i >= 0 && (i < at || i == at && k > n) {
				f.kind, at, n = fw.kind, i, k
			}
		}
	}
	return f, at, n
}

// arguments reads "of AMOUNT per CLIENT" from what stands around a feature's
// name.
func (f *feature) arguments(before, after phrase) {
	if by := after.index("by", "per", "each", "every", "over", "across"); by >= 0 {
		f.by = after[by+1:].trim()
		after = after[:by]
	} else if by := before.index("by", "per"); by >= 0 {
		f.by = before[by+1:].trim()
		before = before[:by]
	}
	if of := after.index("of", "for", "on"); of >= 0 {
		f.of = after[of+1:].trim()
	} else if after = after.trim(); len(after) > 0 && len(after) <= 3 {
		f.of = after
	}
	if f.of == nil {
		f.of = before.trim()
	}
	periods := append(append(append(phrase{}, before...), after...), f.by...)
	if i := periods.index("month", "monthly", "time", "year", "yearly", "week", "weekly", "daily", "day"); i >= 0 {
		f.month = true
	}
}

// useFeature marks the words of p that name the feature itself. Its arguments
// are marked when they are resolved.
func useFeature(p phrase) {
	_, at, n := featureAt(p)
	p[at : at+n].use()
	for _, t := range p {
		if glueWords[t.low] {
			t.used = true
		}
	}
}

// glueWords stand beside a feature's name and add nothing to it.
var glueWords = set("csv,import,export,file,button,view,option,function,functionality,list,highlight,mark,marker,marked,warning,bar,box,chart,monthly,per,month,capability,quickly,easily,red,title,everything,results,drag,drop,card,between,move,column,dates,automatically,overview,showing,spent,spend,spending,download")
