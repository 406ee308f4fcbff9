package parse

// numberWords are the numbers that are written as words.
var numberWords = map[string]float64{
	"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "twelve": 12,
	"fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "hundred": 100,
}

// determiners stand before a noun and say nothing about it.
var determiners = set(`a,an,the,my,our,your,their,his,her,its,this,these,those,some,any,each,every,all,another,other,one,both,few,many,several,
	more,much,lots,lot,own,certain,such,single,multiple,various,different,which,what,same,optional,optionally,required,mandatory,also,corresponding,respective`)

// pronouns stand for a person or a thing.
var pronouns = set("i,me,we,us,you,he,she,it,they,them,him,myself,ourselves,yourself,someone,somebody,everyone,everybody,anyone,one,ones,there,im,id,ill,ive,theyre,theyve,thats,lets,everything,something,anything")

// function words carry the grammar; a wish for an app carries nothing else by
// them.
var function = union(determiners, pronouns, set(`
	of,in,on,at,to,for,from,by,with,about,into,onto,as,per,over,under,between,within,through,during,via,using,without,after,before,until,since,than,out,up,off,down,along,around,
	and,or,but,so,then,if,when,while,where,who,whom,whose,that,because,also,too,plus,etc,well,not,no,only,just,still,already,yet,even,very,really,quite,rather,both,either,neither,instead,again,maybe,perhaps,basically,e.g,i.e,eg,ie,
	is,are,was,were,be,been,being,am,isnt,arent,has,have,had,having,do,does,did,can,could,should,would,will,shall,may,might,must,cannot,cant,dont,doesnt,didnt,wont,
	please,thanks,thank,hi,hello,hey,kindly,ok,okay,yes,
	want,wants,wanted,need,needs,needed,like,likes,love,wish,looking,look,build,building,make,makes,making,create,creating,generate,write,develop,design,give,gives,provide,provides,help,helps,let,lets,letting,allow,allows,allowing,
	able,enable,enables,possible,possibility,ability,track,tracks,tracking,manage,manages,managing,keep,keeps,keeping,record,recording,log,logging,store,stores,storing,save,saves,saving,organise,organize,organising,organizing,
	list,listing,show,shows,showing,see,view,viewing,display,displays,displaying,add,adding,adds,edit,editing,delete,deleting,remove,removing,update,updating,enter,entering,browse,browsing,put,get,gets,use,used,useful,include,includes,including,
	contain,contains,containing,consist,consists,consisting,featuring,collect,collecting,maintain,maintaining,monitor,monitoring,follow,remember,work,works,set,setting,choose,pick,handle,handling,administer,run,running,go,take,think,know,
	simple,small,basic,little,tiny,minimal,nice,nicely,good,great,beautiful,pretty,modern,clean,cool,neat,awesome,quick,fast,easy,easily,lightweight,personal,complete,proper,plain,useful,favourite,favorite,basic,
	app,apps,application,applications,webapp,web,program,tool,page,website,site,thing,things,stuff,field,fields,data,information,info,details,entry,entries,record,records,following,called,named,
	kind,way,part,case,able,based,related,something,bit,each,current,currently,existing,fine,user,attribute,attributes,feature,features,support,supports,supporting,plus`))

// kindNouns say what sort of app it is, not what it keeps.
var kindNouns = set(`tracker,list,log,chart,software,logbook,manager,management,database,db,catalog,catalogue,organizer,organiser,planner,diary,system,tool,website,site,page,register,registry,
	directory,collection,app,application,overview,record,records,keeper,board,dashboard,sheet,spreadsheet,table,archive,index,tracking,planning,administration,portal,crud,history,monitor,calendar,agenda,trainer,watchlist,schedule,scheduler`)

// contexts are for whom or where an app is. They are kept in its description.
var contexts = set(`shop,store,family,home,house,household,team,company,office,school,club,class,business,garden,kitchen,startup,organization,organisation,church,community,
	department,wedding,party,studio,restaurant,cafe,bakery,gym,library,firm,freelancer,freelance,group,friend,kid,child,wife,husband,partner,colleague,roommate,flatmate,neighbour,neighbor,
	classroom,warehouse,workshop,lab,farm,hotel,clinic,practice,agency,flat,apartment,cellar,garage,pantry,fridge,wardrobe,phone,myself,work,year,month,week,day,band,choir,association,charity,side,hobby,teacher,student,parent`)

// attributes say how a field is to be filled in.
var attributes = map[string]bool{"required": true, "mandatory": true, "compulsory": true, "obligatory": true, "needed": true, "optional": false}

func union(sets ...map[string]bool) map[string]bool {
	m := map[string]bool{}
	for _, s := range sets {
		for w := range s {
			m[w] = true
		}
	}
	return m
}
