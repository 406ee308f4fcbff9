package parse

// workThings is the lexicon of things that people keep at work, in a club or at
// school: names = fields = features.
const workThings = `
invoice|bill|~billing|~invoicing = number as text, client, amount, issue date, due date, paid flag, notes = totals of amount per client, overdue marks
quotation|estimate|proposal|offer = number as text, client, amount, date, valid until date, status (draft, sent, accepted, rejected), notes = totals of amount per client
payment|receipt|refund|~payroll|donation|tip = payer, amount, date, method (cash, card, transfer), notes = totals of amount per payer
client|customer|account|patron = name, company, e-mail, phone, address, notes =
contact|~address book|~phone book|~phonebook|~contact list|friend|person|people|acquaintance|~rolodex = name, e-mail, phone, company, birthday, notes =
!lead|~crm|lead|prospect|sales lead|deal|opportunity|~sales pipeline|~pipeline = name, company, e-mail, phone, stage (new, contacted, qualified, proposal, won, lost), estimated value in dollars, next contact date, notes = kanban by stage, totals of estimated value per stage
supplier|vendor|partner company|company|business = name, contact person, e-mail, phone, website, address, notes =
product|article for sale|catalog item|~merchandise|product catalog = name, sku, price, category, stock, active flag, description =
!item|~inventory|inventory item|~stock|stock item|item|~warehouse|part|spare part|supply|~equipment|~tool inventory|asset|material|~supplies|~stock list|~ingredient inventory = name, sku, quantity, location, category, unit price, reorder level, notes =
order|purchase order|sales order|commission = order number, customer, date, amount, status (new, paid, shipped, delivered, cancelled), notes = totals of amount per customer
sale|purchase = product, customer, quantity, amount, date, notes = totals of amount per product, chart of amount per month
shipment|delivery|package|parcel = tracking number, recipient, carrier, ship date, delivery date, status (packed, shipped, delivered, returned), notes =
bug|defect|bug report|crash = title, description, severity low, medium or high, status (open, in progress, fixed, closed), reporter, reported date =
issue|ticket|support ticket|support request|~helpdesk|~help desk|incident|complaint|request|feature request = title, description, priority low, medium or high, status (open, in progress, waiting, closed), requester e-mail, opened date =
project|client project|side project|construction project = name, client, status (planned, active, on hold, done), start date, deadline, budget, notes =
time entry|~time tracking|~timesheet|~work hour|~hour|~working hour|~billable hour|~time sheet|~time log|~time spent|~hour worked|~worked hour = description as text, project, date, hours, billable flag = totals of hours per project, chart of hours per month
employee|~staff|staff member|~personnel|worker|team member|colleague|coworker|~crew = name, e-mail, phone, job title, start date, salary, active flag =
department|division|branch|team|unit|squad = name, location, description =
applicant|candidate|job applicant|recruit|~recruiting|~hiring|~recruitment = name, e-mail, position, stage (applied, interview, offer, hired, rejected), rating, link, notes = kanban by stage
job application|job|job search|application|vacancy|position = position, company, link, status (wishlist, applied, interview, offer, rejected), applied date, salary, notes = kanban by status
!leave request|vacation request|~leave|leave request|absence|day off|time off|sick day = employee, start date, end date, type (vacation, sick, other), approved flag = calendar by start date
shift|~rota|~roster|~work schedule|~shift schedule = person, date, start time, end time, notes = calendar by date
meeting|meeting note|standup = title, date, start time, attendees as tags, minutes as long text, action items as long text = calendar by date
event|calendar event|appointment|~agenda|~schedule|~calendar|booking|reservation|~class schedule = title, date, start time, end time, location, notes = calendar by date
visit|consultation|session|patient visit|lesson|~tutoring|tutoring session = title, date, start time, person, price, paid flag, notes = calendar by date
guest|~guest list|~wedding guest|~rsvp|invitation|invitee|party guest|attendee|participant = name, e-mail, rsvp (yes, no, maybe), plus ones, dietary needs as text, table =
volunteer|member|club member|player|~team roster|athlete|musician = name, e-mail, phone, role as text, joined date, active flag, notes =
match|tournament|fixture|score|result|race = title, date, opponent, our score, their score, location, notes = calendar by date
student|pupil|learner|~class list = name, e-mail, class as text, birthday, notes =
grade|mark|exam|test|exam result|test result|school grade|~gradebook|~grade book = student, subject, grade as decimal, date, notes =
course|class|lecture|training course|subject|workshop|seminar|~curriculum = title, teacher, start date, location, credits, notes =
teacher|instructor|trainer|coach|tutor = name, e-mail, phone, subject, notes =
patient|doctor|medical record = name, birthday, phone, e-mail, blood group as text, allergies as tags, notes =
room|meeting room|apartment|flat|house|property|~real estate|~listing|rental|estate|~airbnb = name, address, size in decimal, price, bedrooms, available flag, link, notes =
tenant|renter|lease = name, e-mail, phone, apartment, rent, start date, end date, active flag =
!response|survey|~feedback|review|testimonial = title, author, rating, text as long text, date =
experiment|sample|lab|observation|specimen|~sighting|bird|~bird sighting = title, date, location, hypothesis as text, result as long text, notes =
document|contract|policy|certificate|license|licence|warranty = title, party, signed date, expiry date, link, notes = overdue marks
risk|decision|lesson learned|requirement|user story|story point|feature idea|epic|~backlog|backlog item = title, description, priority low, medium or high, status (open, in progress, done), owner =
server|domain|device|computer|laptop|machine|hardware|software license|network|printer = name, type as text, owner, location, serial number, purchase date, warranty until date, notes =
api|endpoint|snippet|code snippet|command|prompt = title, code as long text, language as text, tags =
campaign|advertisement|ad|marketing campaign = name, channel, start date, end date, budget, status (planned, running, done), notes = calendar by start date
sponsor|donor|grant = name, contact person, e-mail, amount, date, notes = totals of amount
question|~faq|answer = question as text, answer as long text, category, tags =
artist|author|writer|band|director|actor|singer|celebrity|character|hero = name, country, birthday, website, notes =
publisher|brand|label|manufacturer|category|genre|tag|topic|folder = name, description =
location|venue|store|warehouse location|shelf|site|office = name, address, city, phone, notes =
comment|reply|message|log entry|activity|~activity log|~event log = text as text, author, date =
`
