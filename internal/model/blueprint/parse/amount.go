package parse

import (
	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// currencies are ISO 4217 codes by what people call the money.
var currencies = map[string]string{
	"euro": "EUR", "eur": "EUR", "dollar": "USD", "usd": "USD", "buck": "USD", "pound": "GBP", "gbp": "GBP", "sterling": "GBP", "yen": "JPY", "jpy": "JPY",
	"krona": "SEK", "kronor": "SEK", "sek": "SEK", "krone": "NOK", "kroner": "NOK", "nok": "NOK", "dkk": "DKK", "franc": "CHF", "chf": "CHF", "rupee": "INR", "inr": "INR",
	"yuan": "CNY", "cny": "CNY", "zloty": "PLN", "pln": "PLN", "koruna": "CZK", "czk": "CZK", "won": "KRW", "aud": "AUD", "cad": "CAD", "nzd": "NZD", "forint": "HUF", "huf": "HUF", "lira": "TRY", "peso": "MXN", "mxn": "MXN", "brl": "BRL", "rand": "ZAR", "zar": "ZAR",
}

// measure is a unit with the type of number that is counted in it.
type measure struct {
	unit string
	t    spec.Type
}

var measures = map[string]measure{
	"minute": {"minutes", spec.Integer}, "min": {"minutes", spec.Integer}, "mins": {"minutes", spec.Integer}, "hour": {"hours", spec.Decimal}, "hr": {"hours", spec.Decimal}, "second": {"seconds", spec.Integer}, "sec": {"seconds", spec.Integer},
	"day": {"days", spec.Integer}, "week": {"weeks", spec.Integer}, "month": {"months", spec.Integer}, "year": {"years", spec.Integer},
	"km": {"km", spec.Decimal}, "kilometer": {"km", spec.Decimal}, "kilometre": {"km", spec.Decimal}, "mile": {"miles", spec.Decimal}, "meter": {"m", spec.Decimal}, "metre": {"m", spec.Decimal},
	"cm": {"cm", spec.Decimal}, "centimeter": {"cm", spec.Decimal}, "centimetre": {"cm", spec.Decimal}, "mm": {"mm", spec.Decimal}, "inch": {"in", spec.Decimal}, "inche": {"in", spec.Decimal}, "feet": {"ft", spec.Decimal}, "foot": {"ft", spec.Decimal},
	"kg": {"kg", spec.Decimal}, "kilo": {"kg", spec.Decimal}, "kilogram": {"kg", spec.Decimal}, "gram": {"g", spec.Decimal}, "g": {"g", spec.Decimal}, "lb": {"lb", spec.Decimal}, "lbs": {"lb", spec.Decimal}, "oz": {"oz", spec.Decimal}, "ounce": {"oz", spec.Decimal},
	"liter": {"l", spec.Decimal}, "litre": {"l", spec.Decimal}, "ml": {"ml", spec.Decimal}, "milliliter": {"ml", spec.Decimal}, "gallon": {"gal", spec.Decimal}, "cup": {"cups", spec.Decimal},
	"calorie": {"kcal", spec.Integer}, "kcal": {"kcal", spec.Integer}, "degree": {"°C", spec.Decimal}, "celsius": {"°C", spec.Decimal}, "fahrenheit": {"°F", spec.Decimal}, "percent": {"%", spec.Decimal}, "percentage": {"%", spec.Decimal},
	"point": {"points", spec.Integer}, "page": {"pages", spec.Integer}, "piece": {"pieces", spec.Integer}, "word": {"words", spec.Integer}, "kmh": {"km/h", spec.Decimal}, "mph": {"mph", spec.Decimal}, "bpm": {"bpm", spec.Integer}, "watt": {"W", spec.Decimal}, "kwh": {"kWh", spec.Decimal},
}

// bounds are the limits that a phrase sets: "from 1 to 5", "between 0 and 100",
// "1-10", "out of 5", "up to 20", "at least 1".
type bounds struct{ min, max *float64 }

// takeBounds finds bounds in p and returns p without them.
func takeBounds(p phrase) (bounds, phrase) {
	for i, t := range p {
		if t.kind != number {
			continue
		}
		n := t.num
		from := i
		for from > 0 && boundWords[p[from-1].low] {
			from--
		}
		lead := p[from:i]
		to := i + 1
		var b bounds
		switch {
		case i+2 < len(p) && p[i+2].kind == number && (p[i+1].low == "to" || p[i+1].low == "and" || p[i+1].low == "through" || p[i+1].low == "till"):
			b, to = between(n, p[i+2].num), i+3
		case i+1 < len(p) && p[i+1].kind == number && p[i+1].glue == "-":
			b, to = between(n, p[i+1].num), i+2
		case lead.has("out"), lead.has("up"), lead.has("most"), lead.has("maximum", "max"), lead.has("below", "under"):
			b.max = &n
		case lead.has("least"), lead.has("minimum", "min"), lead.has("above", "over"):
			b.min = &n
		default:
			continue
		}
		for to < len(p) && (p[to].lem == "star" || p[to].lem == "point" || p[to].low == "scale") && to == len(p)-1 && b.max != nil && b.min == nil {
			to++
		}
		p[from:to].use()
		return b, p.without(from, to-from)
	}
	return bounds{}, p
}

var boundWords = set("from,between,out,of,up,to,at,most,least,maximum,minimum,max,min,below,under,above,over,range,ranging,scale,on,a,the,in")

func between(a, b float64) bounds {
	if a > b {
		a, b = b, a
	}
	return bounds{&a, &b}
}

// takeUnit finds "in kg", "(kg)" or "in euros" at the end of p and returns p
// without it. cur or m is set when found.
func takeUnit(p phrase) (cur string, m measure, rest phrase) {
	i := p.index("in")
	if i < 0 || i+1 >= len(p) || len(p)-i > 4 {
		return "", measure{}, p
	}
	tail := p[i+1:]
	if c, u, ok := unitOf(tail); ok {
		p[i:].use()
		return c, u, p[:i]
	}
	return "", measure{}, p
}

// unitOf reads a phrase that is nothing but a unit or a currency.
func unitOf(p phrase) (cur string, m measure, ok bool) {
	p = p.trim()
	if len(p) == 0 || len(p) > 2 {
		return "", measure{}, false
	}
	t := p.last()
	if c, ok := currencies[t.lem]; ok {
		switch {
		case len(p) == 1, p[0].lem == "us", p[0].low == "american":
			return c, measure{}, true
		case p[0].low == "canadian":
			return "CAD", measure{}, true
		case p[0].low == "australian":
			return "AUD", measure{}, true
		case p[0].low == "swiss":
			return "CHF", measure{}, true
		case p[0].low == "british", p[0].low == "swedish":
			return c, measure{}, true
		}
	}
	if len(p) == 1 {
		if u, ok := measures[t.lem]; ok {
			return "", u, true
		}
		if u, ok := measures[t.low]; ok {
			return "", u, true
		}
	}
	return "", measure{}, false
}
