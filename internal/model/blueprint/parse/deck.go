package parse

import (
	"strings"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// deck fills flash cards or a quiz with what the lexicon knows of the topic.
func (r *reader) deck(g *gadget) {
	topic := g.after.trim()
	if len(topic) == 0 {
		topic = g.before.trim()
	}
	for len(topic) > 1 && (topic[0].low == "learn" || topic[0].low == "learning" || topic[0].low == "study" || topic[0].low == "studying" || topic[0].low == "practice" || topic[0].low == "app") {
		topic[0].used = true
		topic = topic[1:].trim()
	}
	g.title = map[spec.GadgetKind]string{spec.Cards: "Flash cards", spec.Quiz: "Quiz"}[g.Kind]
	if len(topic) == 0 {
		r.note("You named no topic: it starts empty, and you add what you like.")
		return
	}
	topic.use()
	g.Topic = sentenceCase(clip(topic.String(), 60))
	g.title = g.Topic
	if g.Kind == spec.Quiz {
		g.title = clip(g.Topic+" quiz", spec.MaxTitle)
	}
	pairs := topicPairs(topic.lemma())
	if pairs == nil {
		r.note(`I know nothing of "` + topic.String() + `": it starts empty, and you add what you like.`)
		return
	}
	for i, p := range pairs {
		if g.Kind == spec.Cards {
			g.Seed = append(g.Seed, spec.Seed{"front": p[0], "back": p[1], "known": false})
			continue
		}
		wrong := []string{pairs[(i+1)%len(pairs)][1], pairs[(i+3)%len(pairs)][1], pairs[(i+5)%len(pairs)][1]}
		g.Seed = append(g.Seed, spec.Seed{"question": question(topic.lemma(), p[0]), "answer": p[1], "wrong": wrong})
	}
}

func question(topic, front string) string {
	switch {
	case strings.Contains(topic, "capital"):
		return "What is the capital of " + front + "?"
	case strings.Contains(topic, "element"):
		return "Which element has the symbol " + front + "?"
	}
	return `What does "` + front + `" mean?`
}

// topicPairs returns fronts and backs for a topic in lemmas, or nil.
func topicPairs(topic string) [][2]string {
	for _, t := range topics {
		if t.words == "capital" && elsewhere(topic) {
			return nil
		}
		match := true
		for _, w := range strings.Fields(t.words) {
			match = match && strings.Contains(" "+topic+" ", " "+w+" ")
		}
		if !match {
			continue
		}
		var out [][2]string
		for _, p := range strings.Split(t.pairs, ";") {
			a, b, _ := strings.Cut(p, "=")
			out = append(out, [2]string{strings.TrimSpace(a), strings.TrimSpace(b)})
		}
		return out
	}
	return nil
}

// elsewhere reports whether a topic names a part of the world of which no pairs
// are known: those of the whole world would be wrong.
func elsewhere(topic string) bool {
	for _, w := range strings.Fields(topic) {
		if regions[w] {
			return true
		}
	}
	return false
}

var regions = set("african,africa,asian,asia,american,america,australian,australia,oceania,caribbean,indian,india,german,germany,canadian,canada,chinese,china,brazilian,brazil,mexican,mexico,province,provincial,county,island")

const europeanCapitals = "France=Paris; Sweden=Stockholm; Spain=Madrid; Italy=Rome; Poland=Warsaw; Portugal=Lisbon; Greece=Athens; Norway=Oslo; Germany=Berlin; Austria=Vienna; Hungary=Budapest; Finland=Helsinki"

// topics are what decks can be filled with: words that a topic has, and pairs.
var topics = []struct{ words, pairs string }{
	{"swedish verb", "att vara=to be; att ha=to have; att göra=to do; att gå=to walk; att komma=to come; att se=to see; att äta=to eat; att dricka=to drink; att läsa=to read; att skriva=to write; att sova=to sleep; att tala=to speak"},
	{"spanish verb", "ser=to be; tener=to have; hacer=to do; ir=to go; venir=to come; ver=to see; comer=to eat; beber=to drink; leer=to read; escribir=to write; dormir=to sleep; hablar=to speak"},
	{"french verb", "être=to be; avoir=to have; faire=to do; aller=to go; venir=to come; voir=to see; manger=to eat; boire=to drink; lire=to read; écrire=to write; dormir=to sleep; parler=to speak"},
	{"german verb", "sein=to be; haben=to have; machen=to do; gehen=to go; kommen=to come; sehen=to see; essen=to eat; trinken=to drink; lesen=to read; schreiben=to write; schlafen=to sleep; sprechen=to speak"},
	{"italian verb", "essere=to be; avere=to have; fare=to do; andare=to go; venire=to come; vedere=to see; mangiare=to eat; bere=to drink; leggere=to read; scrivere=to write; dormire=to sleep; parlare=to speak"},
	{"dutch verb", "zijn=to be; hebben=to have; doen=to do; gaan=to go; komen=to come; zien=to see; eten=to eat; drinken=to drink; lezen=to read; schrijven=to write; slapen=to sleep; spreken=to speak"},
	{"swedish", "hej=hello; tack=thank you; ja=yes; nej=no; hus=house; vatten=water; bröd=bread; bok=book; vän=friend; dag=day"},
	{"spanish", "hola=hello; gracias=thank you; sí=yes; no=no; casa=house; agua=water; pan=bread; libro=book; amigo=friend; día=day"},
	{"french", "bonjour=hello; merci=thank you; oui=yes; non=no; maison=house; eau=water; pain=bread; livre=book; ami=friend; jour=day"},
	{"german", "hallo=hello; danke=thank you; ja=yes; nein=no; Haus=house; Wasser=water; Brot=bread; Buch=book; Freund=friend; Tag=day"},
	{"italian", "ciao=hello; grazie=thank you; sì=yes; no=no; casa=house; acqua=water; pane=bread; libro=book; amico=friend; giorno=day"},
	{"dutch", "hallo=hello; dank je=thank you; ja=yes; nee=no; huis=house; water=water; brood=bread; boek=book; vriend=friend; dag=day"},
	{"state capital", "California=Sacramento; Texas=Austin; New York=Albany; Florida=Tallahassee; Illinois=Springfield; Ohio=Columbus; Georgia=Atlanta; Colorado=Denver; Arizona=Phoenix; Massachusetts=Boston; Washington=Olympia; Alaska=Juneau"},
	{"european capital", europeanCapitals},
	{"europe capital", europeanCapitals},
	{"capital", "France=Paris; Sweden=Stockholm; Spain=Madrid; Italy=Rome; Poland=Warsaw; Portugal=Lisbon; Greece=Athens; Norway=Oslo; Japan=Tokyo; Canada=Ottawa; Egypt=Cairo; Kenya=Nairobi"},
	{"chemical element", "H=hydrogen; He=helium; C=carbon; N=nitrogen; O=oxygen; Na=sodium; Fe=iron; Cu=copper; Ag=silver; Au=gold; Pb=lead; Hg=mercury"},
	{"element", "H=hydrogen; He=helium; C=carbon; N=nitrogen; O=oxygen; Na=sodium; Fe=iron; Cu=copper; Ag=silver; Au=gold; Pb=lead; Hg=mercury"},
}
