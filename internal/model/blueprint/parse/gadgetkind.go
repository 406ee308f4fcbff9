package parse

import (
	"strings"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// calculator chooses what it calculates.
func (r *reader) calculator(g *gadget) {
	g.Variant, g.title = "basic", "Calculator"
	r.mentions("calculator", "calculate", "calc")
	for _, v := range []struct{ variant, title, words string }{
		{"tip", "Tip calculator", "tip,gratuity,bill"},
		{"bmi", "BMI calculator", "bmi,body,mass,index"},
		{"loan", "Loan calculator", "loan,mortgage,annuity,interest,instalment,installment"},
		{"percentage", "Percentage calculator", "percentage,percent,discount,vat,tax,markup"},
	} {
		if r.mentions(strings.Split(v.words, ",")...) {
			g.Variant, g.title = v.variant, v.title
			if v.variant == "bmi" { // it has both systems of units
				r.mentions("unit", "metric", "imperial", "pound", "lb", "lbs", "inch", "inche", "kg", "kilo", "kilogram", "cm", "centimeter", "centimetre")
			}
			r.mentions("split", "restaurant", "between", "monthly", "payment", "repayment", "home")
			return
		}
	}
	r.mentions("arithmetic", "pocket", "standard", "math", "mathematics", "maths", "number")
	if len(g.before.content()) > 0 {
		r.note("I know calculators for tips, BMI, loans and percentages; this one does arithmetic.")
	}
}

// converter chooses what it converts.
func (r *reader) converter(g *gadget) {
	g.title = "Unit converter"
	r.mentions("unit", "measurement", "measure", "metric", "imperial")
	hits := []string{}
	for _, v := range []struct{ variant, words string }{
		{"length", "length,distance,km,kilometer,kilometre,mile,meter,metre,foot,feet,inch,inche,cm,centimeter,centimetre,yard,mm"},
		{"weight", "weight,mass,kg,kilo,kilogram,gram,pound,lb,lbs,ounce,oz,stone"},
		{"temperature", "temperature,celsius,fahrenheit,kelvin,degree"},
		{"volume", "volume,liter,litre,gallon,cup,ml,milliliter,pint,tablespoon,teaspoon"},
	} {
		if r.mentions(strings.Split(v.words, ",")...) {
			hits = append(hits, v.variant)
		}
	}
	g.Variant = "all"
	if len(hits) == 1 {
		g.Variant = hits[0]
		g.title = sentenceCase(hits[0]) + " converter"
	}
	if r.mentions("currency", "money", "euro", "dollar", "exchange") {
		r.note("It converts no currencies: it fetches no exchange rates.")
	}
}

// timer chooses what it measures, and for how long.
func (r *reader) timer(g *gadget) {
	switch {
	case r.mentions("pomodoro"):
		g.Variant, g.title, g.Minutes, g.Break = "pomodoro", "Pomodoro timer", 25, 5
	case r.mentions("stopwatch", "stop watch"):
		g.Variant, g.title = "stopwatch", "Stopwatch"
	default:
		g.Variant, g.title, g.Minutes = "countdown", "Timer", 10
	}
	if r.mentions("egg") {
		g.Minutes, g.title = 6, "Egg timer"
	}
	r.mentions("timer", "countdown", "kitchen", "focus", "study", "work", "session")
	given := false
	for i, t := range r.toks {
		if t.kind != number || i+1 >= len(r.toks) || g.Variant == "stopwatch" {
			continue
		}
		if m := minutes(t.num, r.toks[i+1].lem); m > 0 {
			phrase(r.toks[i : i+2]).use()
			if m == 1 && r.toks[i+1].lem == "second" {
				r.note("It counts whole minutes.")
			}
			if near := phrase(r.toks[max(0, i-3):min(len(r.toks), i+4)]); near.has("break", "pause", "rest") && (given || g.Variant == "pomodoro" && !near.has("focus", "work")) && i > 2 {
				g.Break = m
				r.mentions("break", "pause", "rest", "short")
				continue
			}
			g.Minutes, given = m, true
		}
	}
	if g.Variant != "countdown" || given || g.Minutes != 10 {
		return
	}
	if to := g.after; len(to) > 1 && (to[0].low == "to" || to[0].low == "until" || to[0].low == "till") {
		to.use()
		r.note(`It counts minutes, not the days to a date ("` + to.String() + `").`)
	}
	r.note("You named no time; I chose 10 minutes.")
}

// minutes returns n of a unit in whole minutes, at least one and at most a day;
// 0 if it isn't a unit of time.
func minutes(n float64, unit string) int {
	switch unit {
	case "minute", "min", "mins", "m":
	case "hour", "hr", "h":
		n *= 60
	case "second", "sec", "secs":
		n /= 60
	default:
		return 0
	}
	return int(max(1, min(n, 24*60)))
}

// poll reads the question and the options.
func (r *reader) poll(g *gadget) {
	g.title, g.Question = "Poll", ""
	s := r.sents[0]
	var opts []string
	rest := s[1:]
	if len(s) > 1 && s[1].sep == ":" {
		var q phrase
		options := -1
		for i, c := range rest {
			if introduces(c.sep) && i > 0 {
				options = i
				break
			}
			c.p.use()
			q = append(q, c.p...)
		}
		g.Question = r.between(q)
		if options < 0 && len(q) > 0 && !asks[q[0].low] {
			for _, c := range rest {
				opts = append(opts, value(c.p))
			}
		}
		rest = nil
		if options >= 0 {
			rest = s[1+options:]
		}
	} else if about := g.after.trim(); len(about) > 0 {
		about.use()
		g.Question = sentenceCase(about.String()) + "?"
	}
	if len(rest) == 0 && len(r.sents) > 1 && g.Question != "" {
		rest = r.sents[1]
	}
	if len(opts) < 2 {
		opts = append(opts, r.pollOptions(rest)...)
	}
	if g.Question == "" {
		g.Question = "What do you think?"
		r.note("You named no question; the poll asks what people think.")
	}
	g.Question = clip(g.Question, 200)
	g.title = strings.TrimSpace(clip(g.Question, 60))
	for _, o := range opts {
		if o != "" && len(g.Seed) < spec.MaxChoices {
			g.Seed = append(g.Seed, spec.Seed{"option": sentenceCase(o), "votes": 0})
		}
	}
	if len(g.Seed) == 0 {
		r.note("You named no options; add them on the page.")
	}
}

// asks begin a question whose words aren't its answers.
var asks = set("where,what,who,when,which,why,how,do,does,did,shall,should,is,are,can,could,would,will")

// pollOptions reads "with the options pizza, sushi and tacos".
func (r *reader) pollOptions(s sentence) []string {
	var out []string
	for i, c := range s {
		p := c.p
		if at := p.index("option", "choice", "answer"); at >= 0 {
			p[:at+1].use()
			p = p[at+1:]
		} else if i == 0 && c.sep == "with" && len(p) > 3 || cannotOf(p) != nil {
			continue
		}
		if len(p) > 0 && len(p) < 6 {
			p.use()
			out = append(out, value(p))
		}
	}
	return out
}

// between returns the text from the first token of p to its last, with what
// separates them, as a question.
func (r *reader) between(p phrase) string {
	if len(p) == 0 {
		return ""
	}
	var b strings.Builder
	in := false
	for _, t := range r.toks {
		in = in || t == p[0]
		if in {
			if b.Len() > 0 {
				b.WriteString(t.glue)
			}
			b.WriteString(t.text)
		}
		if t == p.last() {
			break
		}
	}
	return sentenceCase(strings.TrimSpace(b.String())) + "?"
}
