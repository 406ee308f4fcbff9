package parse

import (
	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// takeAttributes finds "required" or "optional" in p and returns p without it.
func takeAttributes(p phrase, f *field) phrase {
	for i := 0; i < len(p); i++ {
		if req, ok := attributes[p[i].low]; ok && len(p) > 0 {
			f.Required = req
			p[i].used = true
			p = p.without(i, 1)
			i--
		}
	}
	return p
}

// attributeOnly reports whether p says nothing but "required" or "optional".
func attributeOnly(p phrase) bool {
	for _, t := range p {
		if _, ok := attributes[t.low]; !ok && !function[t.low] {
			return false
		}
	}
	for _, t := range p {
		if _, ok := attributes[t.low]; ok {
			return true
		}
	}
	return false
}

// takeType finds "as tags" or "as a number" at the end of p and returns p
// without it.
func takeType(p phrase, f *field) phrase {
	i := p.index("as")
	if i < 1 || i+1 >= len(p) {
		return p
	}
	if t, ok := typeNouns[p[i+1:].trim().lemma()]; ok {
		f.Type, f.typed = t, true
		p[i:].use()
		return p[:i]
	}
	return p
}

// splitIs splits "status is open" or "severity can be low" into the name and
// what it is; is is nil without a verb.
func splitIs(p phrase) (name, is phrase) {
	for i, t := range p {
		if i == 0 {
			continue
		}
		switch t.low {
		case "is", "are", "either", "be":
			name, is = p[:i], p[i+1:]
		case "can", "could", "may", "must", "should":
			be := i + 1
			if be < len(p) && p[be].low == "also" {
				be++
			}
			if be < len(p) && p[be].low == "be" {
				name, is = p[:i], p[be+1:]
			}
		}
		if len(is) > 0 {
			for len(is) > 1 && (is[0].low == "either" || is[0].low == "one" || is[0].low == "of" || is[0].low == "be") {
				is = is[1:]
			}
			return name.trim(), is
		}
	}
	return p, nil
}

// asked are the questions that name a field: "when I watered it", "how many
// pages", "whether it is finished".
var asked = map[string]spec.Type{
	"when": spec.Date, "who": spec.Text, "where": spec.Text, "whether": spec.Boolean, "if": spec.Boolean,
	"how many": spec.Integer, "how much": spec.Money, "how long": spec.Integer, "how far": spec.Decimal, "how often": spec.Text,
}

// bare is what a question that names nothing asks for.
var bare = map[string]string{"who": "person", "where": "place", "when": "date"}

// askedField reads a field that p asks for with a question word.
func askedField(p phrase) (f field, ok bool) {
	for len(p) > 0 && (determiners[p[0].low] || p[0].low == "and" || p[0].low == "also") {
		p = p[1:]
	}
	t, n := spec.Type(""), 1
	if len(p) > 1 {
		if t = asked[p[:2].lower()]; t != "" {
			n = 2
		} else {
			t = asked[p[0].low]
		}
	}
	if t == "" {
		return f, false
	}
	rest := p[n:]
	if t == spec.Boolean && !rest.has("is", "are", "was", "have", "has", "i", "it", "they") {
		return f, false
	}
	words := rest.content()
	name := words.String()
	switch q := p[:n].lower(); {
	case q == "how long" && len(words) < 3:
		name, f.Unit = "duration", "minutes"
	case q == "how often" && name != "":
		name += " frequency"
	case q == "how far":
		name, f.Unit = "distance", "km"
	case q == "how much" && (len(words) == 0 || words.has("cost", "costs", "paid", "spend", "spent", "pay")):
		name = "cost"
	case q == "when" && name != "" && rest[0].low == "to": // "when to water them"
		name = "date to " + name
	case name == "" && len(rest) > 0 && bare[q] != "": // "who does it"
		name = bare[q]
	case q == "who" && name != "", q == "where" && name != "":
		name += " " + map[string]string{"who": "by", "where": "at"}[q]
	}
	if name == "" || len(words) > maxName || ident(name) == "" {
		return f, false
	}
	p.use()
	f.Label, f.key = label(name), name
	f.Type, f.typed = t, true
	return f, true
}
