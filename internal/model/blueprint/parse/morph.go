package parse

import "strings"

// irregular nouns: plural to singular.
var irregular = map[string]string{
	"people": "person", "children": "child", "men": "man", "women": "woman", "mice": "mouse", "feet": "foot", "teeth": "tooth",
	"leaves": "leaf", "lives": "life", "knives": "knife", "wolves": "wolf", "shelves": "shelf", "wives": "wife", "halves": "half", "geese": "goose",
	"movies": "movie", "cookies": "cookie", "series": "series", "species": "species", "news": "news", "ties": "tie", "calories": "calorie",
	"buses": "bus", "statuses": "status", "bonuses": "bonus", "viruses": "virus", "campuses": "campus", "quizzes": "quiz", "analyses": "analysis", "criteria": "criterion",
	"media": "media", "indices": "index", "shoes": "shoe", "heroes": "hero", "potatoes": "potato", "tomatoes": "tomato", "pies": "pie", "selfies": "selfie",
	"aliases": "alias", "atlases": "atlas", "canvases": "canvas", "gases": "gas", "lenses": "lens", "stories": "story", "axes": "axe", "caches": "cache", "zombies": "zombie",
	"cacti": "cactus", "fungi": "fungus",
	"expenses": "expense", "courses": "course", "nurses": "nurse", "horses": "horse", "houses": "house", "purchases": "purchase", "exercises": "exercise",
	"cases": "case", "leases": "lease", "releases": "release", "databases": "database", "phases": "phase", "diseases": "disease", "causes": "cause", "responses": "response",
	"licenses": "license", "licences": "licence", "sizes": "size", "prizes": "prize", "mazes": "maze", "cheeses": "cheese", "roses": "rose", "vases": "vase", "phrases": "phrase",
	"verses": "verse", "nooses": "noose", "doses": "dose", "noses": "nose", "poses": "pose", "purposes": "purpose", "warehouses": "warehouse", "spouses": "spouse", "senses": "sense",
	"headaches": "headache", "toothaches": "toothache", "avalanches": "avalanche", "niches": "niche",
}

// plurals is irregular, read the other way.
var plurals = func() map[string]string {
	m := map[string]string{}
	for p, s := range irregular {
		m[s] = p
	}
	return m
}()

// mass are the words that end in s and aren't plurals.
var mass = set(`abs,his,address,status,gas,bus,business,class,process,progress,access,success,glass,grass,boss,loss,mass,pass,press,stress,dress,
	fitness,wellness,illness,happiness,witness,chess,tennis,analysis,basis,bonus,virus,campus,focus,menu,previous,various,famous,delicious,
	bliss,css,this,is,was,has,its,yes,us,as,plus,thus,always,perhaps,across,gps,sms,rss,canvas,atlas,alias,lens,christmas,kudos,physics,maths,
	mathematics,politics,economics,logistics,genius,radius,census,consensus,cactus,hummus,citrus,iris,paris,texas,dns,https,pros,cons,ios,vs,less,unless,ms,mbps,aws,asics`)

// singular returns a lower-case noun in the singular, or the word itself.
func singular(w string) string {
	if s, ok := irregular[w]; ok {
		return s
	}
	if len(w) < 3 || mass[w] || !strings.HasSuffix(w, "s") || strings.HasSuffix(w, "ss") {
		return w
	}
	switch {
	case strings.HasSuffix(w, "ies") && len(w) > 4:
		return w[:len(w)-3] + "y"
	case hasSuffix(w, "sses", "shes", "ches", "xes", "zzes"):
		return w[:len(w)-2]
	}
	return w[:len(w)-1]
}

// plural returns a lower-case noun or noun phrase in the plural.
func plural(s string) string {
	head, last := "", s
	if i := strings.LastIndexByte(s, ' '); i >= 0 {
		head, last = s[:i+1], s[i+1:]
	}
	if p, ok := plurals[last]; ok {
		return head + p
	}
	n := len(last)
	switch {
	case n == 0:
		return s
	case uncountable[last]:
		return s
	case singular(last) != last: // it is one already
		return s
	case last[n-1] == 'y' && n > 1 && !strings.ContainsRune("aeiou", rune(last[n-2])):
		return head + last[:n-1] + "ies"
	case hasSuffix(last, "s", "x", "z", "ch", "sh"):
		return head + last + "es"
	}
	return head + last + "s"
}

var uncountable = set("inventory,stock,furniture,equipment,news,series,species,media,staff,jewellery,jewelry,clothing,data,homework,sheep,fish,music,feedback,laundry,money,luggage,mail,time,software,hardware,medication")

// isPlural reports whether the word as written is a plural.
func isPlural(t *token) bool { return t.kind == word && t.lem != t.low }

func hasSuffix(s string, ends ...string) bool {
	for _, e := range ends {
		if strings.HasSuffix(s, e) {
			return true
		}
	}
	return false
}

// set makes a set of comma-separated words.
func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Split(words, ",") {
		if w = strings.TrimSpace(w); w != "" {
			m[w] = true
		}
	}
	return m
}
