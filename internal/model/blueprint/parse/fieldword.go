package parse

import (
	"strings"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// fieldWords are the nouns that fields are called by, with the type that each
// implies. A name's last words decide: a "reporter e-mail" is an e-mail. Lemmas,
// except where only the plural means a list.
var fieldWords = typeIndex([]typeWords{
	{spec.Text, `title,name,subject,headline,author,writer,artist,director,publisher,brand,manufacturer,maker,supplier,vendor,model,owner,assignee,person,
		reporter,reviewer,client,customer,company,organization,organisation,department,team,manager,employer,teacher,student,instructor,
		guest,host,speaker,contact,contact person,address,street,city,town,country,state,region,place,location,venue,room,shelf,position,job title,role,seat,table,
		phone,phone number,telephone,telephone number,mobile,mobile number,number plate,license plate,licence plate,registration,isbn,sku,code,barcode,serial number,
		reference,reference number,id number,invoice number,order number,account number,account,iban,vat number,customer number,tracking number,product code,zip,zip code,postcode,postal code,
		exercise,dish,food,species,breed,variety,vintage name,language,translation,currency,payee,merchant,item,product,album,song,label name,series,edition,format,
		colour,color,material,shape,username,nickname,surname,last name,first name,family name,initials,source,topic,channel,campaign,goal,occupation,
		group,chapter,volume name,version,component,browser,os,device,environment,branch,module,vet,doctor,pharmacy,dosage,dose,recipient,sender,occasion,passenger,driver,dietary need,dietary requirement,asset tag,
		front,back,word,answer,question,nationality,region,grape,winery,producer,origin,destination,airline,flight,hotel,trainer,coach,opponent,club,league,course,project,task,customer name`},
	{spec.LongText, `note,comment,remark,description,detail,review,summary,instruction,direction,step,method,preparation,body,content,text,message,biography,bio,background,
		feedback,thought,journal,story,observation,reflection,transcript,minutes of meeting,steps to reproduce,reproduction,plot,synopsis,agenda,lyric,quote,gratitude,symptom,memo,explanation,rationale,conclusion,history`},
	{spec.Integer, `page,page count,quantity,qty,count,stock,stock level,age,year,number of,amount of,rep,repetition,set,point,attempt,vote,seat count,capacity,serving,portion,
		episode,season number,chapter count,floor,bedroom,bathroom,guest count,party size,plus one,headcount,streak,calorie,reorder level,minimum stock,mileage,odometer,population,
		interval,step count,lap,round,player,vintage,piece,unit,copy,view,like,follower,visitor,attendee count,estimate,story point,goal count,credit,word count,track number,sort order,rank,isbn count`},
	{spec.Decimal, `weight,height,width,length,depth,distance,size in,temperature,circumference,diameter,radius,thickness,moisture,speed,pace,percentage,percent,share,ratio,area,body fat,bmi,latitude,longitude,grade point,gpa,humidity,pressure,rainfall,dosage amount,consumption,alcohol,interest,interest rate`},
	{spec.Money, `price,cost,amount,fee,budget,salary,wage,rent,total,subtotal,balance,payment,income,revenue,spending,expense,tip,deposit,discount amount,tax,vat,value,worth,price paid,purchase price,unit price,hourly rate,rate per hour,daily rate,limit,saving,debt,bill,net amount,gross amount,deal value,estimated value,total amount,bonus,profit,sale price,selling price,donation,fine`},
	{spec.Date, `date,day,deadline,due,due date,birthday,birth date,date of birth,birthdate,dob,anniversary,start,end,expiry,expiration,expiry date,best before,renewal,departure date,arrival date,checkin,checkout,hire date,start date,end date,release date,purchase date,last contacted,last watered,last service,next service,published,delivery date,due back,when`},
	{spec.Time, `time,opening time,closing time,starting time,ending time,boarding time,landing time,feeding time,meeting time,start time,end time,arrival time,departure time,bedtime,wake time,kickoff,clock`},
	{spec.Boolean, `flag,checkbox,toggle,switch,done,finished,completed,complete,paid,active,archived,important,urgent,public,private,in stock,available,available now,favourite,favorite,starred,pinned,bookmarked,read,watched,seen,visited,bought,purchased,owned,packed,attending,attendance,confirmed,approved,resolved,fixed,returned,cancelled,canceled,vegan,vegetarian,gluten free,billable,remote,member,vip,published or not,subscribed,vaccinated,neutered,indoor,edible,poisonous,married,present,absent,checked,verified,invoiced,shipped,delivered,sent,received,reimbursed,signed,submitted,graded,passed,failed,sold,lent,borrowed,loaned,reserved,booked,won,lost,full time,part time,enabled,mandatory`},
	{spec.URL, `url,link,website,web site,homepage,web address,web page,webpage,repository,repo,image url,photo url,cover url,video link,profile`},
	{spec.Email, `email,email address,mail address`},
	{spec.Rating, `rating,star,star rating,stars rating`},
	{spec.Tags, `tag,keyword,hashtag,ingredients,label,labels,skills,topics,genres,categories,allergens,allergies,interests,attendees,participants,authors,members,actors,players names,languages,muscles,materials,platforms,technologies,grapes,flavours,flavors,hobbies,wrong answers,colours,colors,symptoms,companions`},
})

// typeNouns say a type outright: in "as tags", "(number)", "a done checkbox".
var typeNouns = typeIndex([]typeWords{
	{spec.Text, "text,string,short text,line,plain text,word,free text,varchar"},
	{spec.LongText, "long text,longtext,textarea,text area,paragraph,markdown,multiline text,multi line text,long description,large text,memo"},
	{spec.Integer, "integer,int,number,whole number,numeric,counter"},
	{spec.Decimal, "decimal,float,decimal number,real number,double,fraction"},
	{spec.Money, "money,currency,price,amount,amount of money"},
	{spec.Date, "date,day,calendar date"},
	{spec.Time, "time,time of day,clock time"},
	{spec.Boolean, "boolean,bool,checkbox,check box,flag,toggle,switch,tick box,tickbox,yes no,yes or no,true or false,mark"},
	{spec.Choice, "choice,dropdown,drop down,select,selection,enum,option,radio button,picklist,list of choices,single choice"},
	{spec.URL, "url,link,web link,web address,hyperlink"},
	{spec.Email, "email,email address"},
	{spec.Rating, "rating,star,star rating"},
	{spec.Tags, "tag,list of tag,label,multiple tag,list of word,list"},
})

// dropped type nouns describe a field without being part of its name: a
// "finished flag" is called "finished".
var dropped = set("flag,checkbox,toggle,switch,tickbox,dropdown,boolean,field,column,text,string,integer")

// choiceWords name a field with a few fixed values; with them, the values when
// the prompt gives none.
var choiceWords = map[string]string{
	"status": "to do,doing,done", "state": "to do,doing,done", "stage": "new,in progress,done", "phase": "planned,active,done", "column": "to do,doing,done",
	"priority": "low,medium,high", "severity": "low,medium,high", "urgency": "low,medium,high", "importance": "low,medium,high", "impact": "low,medium,high", "risk": "low,medium,high", "effort": "small,medium,large",
	"difficulty": "easy,medium,hard", "level": "beginner,intermediate,advanced", "skill level": "beginner,intermediate,advanced", "size": "small,medium,large",
	"mood": "great,good,okay,bad", "condition": "new,good,fair,poor", "frequency": "daily,weekly,monthly,yearly", "season": "spring,summer,autumn,winter",
	"meal": "breakfast,lunch,dinner,snack", "weekday": "Monday,Tuesday,Wednesday,Thursday,Friday,Saturday,Sunday", "rsvp": "yes,no,maybe", "answer to the invitation": "yes,no,maybe",
	"payment method": "cash,card,transfer", "sunlight": "full sun,half shade,shade", "light": "full sun,half shade,shade", "intensity": "easy,moderate,hard", "reading status": "to read,reading,read",
	"category": "", "type": "", "kind": "", "genre": "", "gender": "", "section": "", "plan": "", "tier": "", "shift": "", "class": "", "method": "", "style": "", "group": "", "format": "", "platform": "", "medium": "", "colour": "", "color": "", "cuisine": "", "course": "", "department": "", "label": "", "role": "", "grade": "", "option": "", "choice": "", "language": "", "result": "", "outcome": "", "area": "", "room": "", "location": "", "currency": "", "unit": "", "tag": "", "team": "", "answer": "", "source": "", "region": "", "day": "",
}

// valueWords are words that are a choice's value rather than a field's name.
var valueWords = set(`low,medium,high,critical,normal,minor,major,blocker,trivial,urgent,lowest,highest,none,open,opened,closed,new,todo,to do,doing,done,in progress,started,not started,in review,review,testing,blocked,waiting,on hold,backlog,ready,planned,active,inactive,pending,
	approved,rejected,draft,sent,paid,unpaid,overdue,cancelled,canceled,shipped,delivered,lead,contacted,qualified,proposal,won,lost,applied,interview,offer,easy,hard,moderate,beginner,intermediate,advanced,expert,
	small,large,big,tiny,s,m,l,xs,xl,xxl,good,bad,great,fair,poor,okay,ok,excellent,yes,no,maybe,morning,afternoon,evening,night,daily,weekly,monthly,yearly,once,never,sometimes,often,always,
	breakfast,lunch,dinner,snack,dessert,starter,main,red,white,rose,sparkling,green,blue,yellow,black,fiction,nonfiction,male,female,other,cash,card,to read,reading,read,wishlist,owned,watched,watching,to watch,bronze,silver,gold,free,basic,pro,
	food,transport,fun,housing,rent,travel,health,entertainment,groceries,utilities,work,home,personal,private,indoor,outdoor,cat,dog,bird,fish,car,bike,bus,train,spring,summer,autumn,winter,monday,tuesday,wednesday,thursday,friday,saturday,sunday`)

// typeWords are the comma-separated words that imply a type.
type typeWords struct {
	t     spec.Type
	words string
}

func typeIndex(all []typeWords) map[string]spec.Type {
	m := map[string]spec.Type{}
	for _, tw := range all {
		for _, w := range strings.Split(tw.words, ",") {
			if w = strings.TrimSpace(w); m[w] == "" {
				m[w] = tw.t
			}
		}
	}
	return m
}

// namesField reports whether the lexicon knows the whole of p, of more than one
// word, as a field.
func namesField(p phrase) bool {
	if len(p) < 2 || len(p) > 3 {
		return false
	}
	_, n := fieldType(p)
	return n == len(p)
}

// fieldType returns the type that a name implies by its last words, and how
// many of them; 0 if the lexicon doesn't know it.
func fieldType(p phrase) (spec.Type, int) {
	for n := min(3, len(p)); n > 0; n-- {
		tail := p[len(p)-n:]
		if t, ok := fieldWords[tail.lower()]; ok {
			return t, n
		}
		if t, ok := fieldWords[tail.lemma()]; ok {
			return t, n
		}
	}
	return "", 0
}
