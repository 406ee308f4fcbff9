package parse

// homeThings is the lexicon of things that people keep for themselves:
// names = fields = features.
const homeThings = `
book|novel|~reading list|~library|~reading log|~reading tracker|~book collection|audiobook|ebook = title, author, pages, status (to read, reading, read), rating, notes =
task|todo|to do|~todo list|~to do list|todo item|to do item|~task list|chore|errand|checklist|assignment|~homework|action item|~reminder list|~bucket list = title, due date, priority low, medium or high, done flag, notes = overdue marks
!item|~shopping list|~grocery list|~grocery|~groceries|shopping item|~shopping = name, quantity, category (produce, dairy, bakery, meat, drinks, household, other), bought flag =
!item|~packing list|packing item = name, quantity, category (clothes, toiletries, documents, electronics, other), packed flag =
wish|~wish list|~wishlist|gift|gift idea|present idea = name, for whom, price, link, occasion, bought flag =
expense|~spending|~cost tracker|~outgoing = description as text, amount, date, category (food, housing, transport, health, fun, other), payment method (cash, card, transfer), notes = totals of amount per category, chart of amount per month
transaction|~finance|~finances|~money|~income|bank transaction = description as text, amount, date, type (income, expense), category (salary, food, housing, transport, health, fun, other), notes = totals of amount per category, chart of amount per month
!budget item|~budget|budget item|~household budget = name, planned amount, actual amount, category (food, housing, transport, health, fun, savings, other), month date = totals of actual amount per category, chart of actual amount per category
subscription|membership = name, price, billing period (monthly, yearly), renewal date, category, active flag, link = totals of price per billing period
!saving goal|~saving|saving goal|~savings|savings goal = name, target amount, saved amount, target date, notes = totals of saved amount
recipe|meal|dish|~cookbook|cooking recipe|cocktail = title, ingredients as tags, instructions, minutes, servings, category (breakfast, lunch, dinner, dessert, snack), link, rating =
!meal|meal plan|~menu|~meal planner = title, date, meal (breakfast, lunch, dinner, snack), ingredients as tags, notes = calendar by date
workout|exercise|~gym log|~gym tracker|~gym journal|~lifting|~weight lifting|~training|gym session|workout session|~fitness|training session = exercise, date, minutes, sets, reps, weight in kg, notes = chart of minutes per month, calendar by date
run|~running|jog|bike ride|ride|cycling|hike|walk|swim = title, date, distance in km, duration in minutes, notes = totals of distance, chart of distance per month
!weigh-in|~weight|~body weight|measurement|~weight log = name, date, weight in kg, notes = 
habit|routine|daily habit = name, frequency (daily, weekly, monthly), last done date, streak, active flag, notes =
plant|houseplant|garden plant|flower|~vegetable garden|~garden|succulent|~tree = name, species, location, sunlight (full sun, half shade, shade), last watered date, watering interval in days, notes = calendar by last watered
seed|crop = name, variety, sowing date, harvest date, bed, notes = calendar by sowing date
pet|cat|dog|animal|horse|chicken|~aquarium = name, species, breed, birthday, weight in kg, vaccinated flag, vet, notes =
vaccination|vaccine|shot = vaccine name, date, next date, done flag, notes = calendar by next date
movie|film|~movie watchlist|~watchlist|~watch list|~cinema|dvd = title, director, year, genre, watched flag, rating, notes =
show|tv show|tv series|series|anime|episode = title, season number, episode, status (to watch, watching, watched), rating, notes =
game|video game|board game|boardgame = title, platform, genre, players, status (wishlist, playing, finished), rating, notes =
song|track|~music|~playlist|~piece of music = title, artist, album, year, genre, rating, link =
album|vinyl|record|~record collection|vinyl record|cd = title, artist, year, format (vinyl, CD, digital), rating, notes =
concert|gig|festival = artist, venue, date, price, attended flag, rating, notes = calendar by date
podcast = title, host, link, status (to hear, hearing, heard), rating, notes =
wine|bottle|~wine cellar|~wine collection|~wine tasting = name, winery, vintage, type (red, white, rosé, sparkling), region, grapes as tags, price, rating, tasting notes =
beer|whisky|whiskey|coffee|tea|drink|coffee bean|cheese|chocolate = name, producer, origin, type, price, rating, tasting notes =
restaurant|cafe|bar|pub|place to eat|eatery = name, cuisine, address, price range (cheap, moderate, expensive), visited flag, rating, link, notes =
trip|~travel|vacation|holiday|journey|travel plan|itinerary|~travels = title, destination, start date, end date, budget amount, booked flag, notes = calendar by start date
place|destination|city|country|attraction|sight = name, country, category, visited flag, rating, link, notes =
car|vehicle|motorcycle|motorbike|bike|bicycle|van|truck|~fleet|boat = name, brand, model, year, license plate, mileage, fuel (petrol, diesel, electric, hybrid), next service date, notes =
refuel|~fuel|fill up|~fuel log|~fueling|gas fill|~refueling = station, date, litres, price, odometer = totals of price, chart of price per month
!maintenance task|~maintenance|repair|service record|car service|home repair|maintenance task = title, date, cost, supplier, done flag, notes = totals of cost, calendar by date
!entry|dream|~journal|journal entry|~diary|diary entry|~mood|~mood journal|~gratitude|~gratitude journal|thought|~daily journal|~mood tracker = title, date, mood (great, good, okay, bad), text as long text, tags = calendar by date
medication|medicine|pill|supplement|prescription = name, dose, frequency (daily, weekly, when needed), start date, end date, notes =
!entry|symptom|headache|migraine|~blood pressure|~health|~health log|~period|allergy = title, date, severity low, medium or high, notes = calendar by date
!entry|~water intake|~hydration|~water = title, date, amount in ml, notes = totals of amount, chart of amount per month
!night|~sleep|nap|~sleep log = title, date, bedtime, wake time, hours, quality rating, notes = chart of hours per month
idea|inspiration|brainstorm|project idea = title, description, category, priority low, medium or high, tags =
quote|quotation|~saying = quote as text, author, source, tags =
post|blog post|article|~blog|~content|newsletter issue|joke|story|poem|lyric = title, text as long text, author, date, status (draft, in review, published), tags =
word|vocabulary|phrase|~vocab|verb|translation = word, translation, example as text, learned flag, tags =
bookmark|link|favorite link|website link|~read later|~reading queue = title, url, tags, read flag, notes =
gift card|coupon|voucher = name, shop, amount, expiry date, used flag = overdue marks
birthday|anniversary = name, date, gift idea, notes = calendar by date
family member|relative|ancestor|~family tree = name, birthday, birthplace, relation, notes =
!piece|~collection|stamp|coin|~card collection|trading card|figure|collectible|antique|toy|lego set|painting|artwork|~art = name, year, condition (new, good, fair, poor), price paid, acquired date, notes =
!piece of clothing|~clothing|~clothes|outfit|~wardrobe|shoe|garment = name, category (tops, trousers, dresses, shoes, outerwear, accessories), colour as text, size as text, brand, favourite flag =
!possession|~furniture|appliance|possession|~home inventory|~belonging|household item|~electronics|gadget = name, room, category, purchase date, price paid, warranty until date, serial number, notes = totals of price paid per room
loan|lent item|borrowed item|~lending|debt|iou|~lent thing = item, person, date, amount, due date, returned flag, notes = overdue marks
password|credential = name, username, link, notes =
photo album|photo|picture|image = title, date, link, place, tags, notes =
goal|resolution|objective|okr|milestone = title, category, target date, progress in percent, done flag, notes = overdue marks
`
