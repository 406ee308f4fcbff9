package parse

import "strings"

// limit is something that a generated app can't do.
type limit struct {
	words patterns
	note  string // what it says of it
}

// limits are the wishes that are understood and can't be met.
var limits = []limit{
	{split("login,log in,logging in,sign in,sign up,signup,password protected,password protection,authentication,user account,user management,user registration,register account,multi user,multiuser,multiple user,user role,permission,access control,admin panel,admin user,role based"),
		"It has no login: whoever can open its address can use it."},
	{split("accept payment,online payment,payment processing,payment gateway,process payment,take payment,pay online,checkout,stripe,paypal,credit card payment,pay by card,shopping cart,charge customer,charge card"),
		"It takes no payments."},
	{split("send email,send an email,send mail,sending email,email notification,email reminder,email alert,email me,email them,by email,via email,newsletter,notification,notify,notifies,reminder,remind,push message,sms,send message,send text,alert me,send invoice"),
		"It sends no e-mail, messages or reminders."},
	{split("upload,uploading,file upload,attachment,attach,attach file,photograph,video,audio,screenshot"),
		"It stores no files or pictures; a link to one can be a field."},
	{split("map,google map,gps,geolocation,geo location,route planning"), "It has no maps."},
	{split("ai,chatgpt,gpt,chatbot,chat bot,llm,artificial intelligence,machine learning,ai assistant,chat with,recommendation engine,recommend,auto suggest,automatically categorize"), "It has no artificial intelligence in it."},
	{split("real time,realtime,live update,multiplayer,collaborate,collaboration,collaborative,simultaneously,synchronize,synchronise,sync,syncing,synced,share with,sharing,shared with"), "Several people at once see each other's changes only when they load the page again."},
	{split("ios app,android app,iphone app,native app,native,app store,play store,ios,android"), "It is a web app, not an app from a store; it works in a phone's browser."},
	{split("google calendar,google,gmail,slack,outlook,github,gitlab,jira,trello,notion,dropbox,whatsapp,twitter,facebook,instagram,telegram,discord,spotify,youtube,zapier,salesforce,hubspot,quickbooks,shopify,goodreads,imdb,strava,fitbit,amazon,wikipedia,linkedin,microsoft,teams integration,bank account sync,bank sync,webhook,integration,integrate,api integration,connect to"),
		"It connects to no other service."},
	{split("pdf,print,printing,printable,word document,docx"), "It makes no PDF or print-outs beyond what the browser prints."},
	{split("qr code,barcode scanner,barcode scanning,scan,scanning,scanner,camera"), "It has no camera or scanner."},
	{split("exchange rate,currency conversion,currency converter,live price,stock price,weather,weather forecast,scrape,scraping,crawl"), "It fetches nothing from the internet."},
	{split("voice,speech,text to speech,speech recognition"), "It neither listens nor speaks."},
	{split("encrypt,encrypted,encryption"), "It doesn't encrypt what it keeps."},
	{split("recurring,repeat every,repeating,recurrence,automatic backup,cron,automatically every"), "It does nothing by itself at set times."},
	{split("average,median,percentile,forecast,prediction,predict"), "Its totals are sums and counts; it has no averages or forecasts."},
	{split("who owe,owe whom,settle up,settling up,who owes"), "It works out nothing between people."},
	{split("multilingual,multi language,multiple language,translated into"), "It is in one language."},
	{split("blockchain,cryptocurrency wallet,smart contract"), "It has nothing to do with blockchains."},
	{split("undo,version history,audit trail,audit log,change history"), "It keeps no history of changes."},
	{split("pomodoro timer,timer,stopwatch,countdown,calculator"), "It keeps entries; a timer or a calculator would be an app of its own."},
	{split("drag and drop,drag,dragging"), "Nothing is dragged but the cards of a board."},
	{split("3d,virtual reality,vr,augmented reality"), "It has no 3D graphics."},
}

// cannotOf returns the limit that p asks to go beyond, or nil. A field that is
// named after one ("a reminder date", "a GitHub link", "an e-mail") is none.
func cannotOf(p phrase) *limit {
	switch p.last().lem {
	case "date", "time", "link", "url", "flag", "address", "number", "id", "name", "note", "count":
		return nil
	}
	if p.has("rating", "tag") && len(p) < 4 {
		return nil
	}
	for i := range limits {
		if at, _ := limits[i].words.first(p); at >= 0 {
			return &limits[i]
		}
	}
	return nil
}

// refuse notes that what p asks for can't be done, in its own words.
func (r *reader) refuse(l *limit, p phrase) {
	p.use()
	if q := p.trim(); len(q) > 0 {
		p = q
	}
	r.note(strings.TrimSuffix(l.note, ".") + ` ("` + p.String() + `").`)
}

// pictures are the words for what only a link can stand for.
var pictures = set("photo,picture,image,pic,avatar,cover image,logo,scan,document,receipt photo,profile picture,cover,thumbnail,poster,file")
