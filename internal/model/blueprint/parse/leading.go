package parse

import (
	"strings"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// leading makes the first field one that an entry can be called by.
func (r *reader) leading(e *draft) {
	best := -1
	for i, f := range e.fields {
		if f.Type != spec.Text || f.many || poorNames[lastWord(f.key)] && e.named {
			continue
		}
		if best < 0 || nameLike[lastWord(f.key)] && !nameLike[lastWord(e.fields[best].key)] {
			best = i
		}
	}
	if best < 0 {
		f := field{Field: spec.Field{Label: "Title", Type: spec.Text}, key: "title"}
		if e.thing != nil {
			if d := defaults(e.thing); len(d) > 0 && d[0].Type == spec.Text {
				f = d[0]
			}
		} else if len(r.entities) > 1 || len(e.noun) > 0 {
			f.Label, f.key = "Name", "name"
		}
		e.add(f)
		best = len(e.fields) - 1
		r.note("I added " + article(small(f.Label)) + ", by which " + article(e.Name) + " is called.")
		r.closing(e)
	}
	f := e.fields[best]
	f.Required = true
	e.fields = append([]field{f}, append(append([]field(nil), e.fields[:best]...), e.fields[best+1:]...)...)
}

// closing gives a thing that gets done a mark for it, when the prompt says only
// what else it has.
func (r *reader) closing(e *draft) {
	if e.thing == nil || r.board && e == r.entities[0] {
		return
	}
	if d := defaults(e.thing); len(d) > 1 && d[1].Type == spec.Money && e.number() == nil {
		e.add(d[1])
		r.note("I added " + article(small(d[1].Label)) + ".")
	}
	for _, f := range e.fields {
		if f.Type == spec.Boolean || statusLike[lastWord(f.key)] {
			return
		}
	}
	for _, f := range defaults(e.thing) {
		if f.key == "done" {
			e.add(f)
			r.note("I added a mark for what is done.")
		}
	}
}

// nameLike are the fields that an entry is called by before any other.
var nameLike = set("title,name,subject,headline,description")

// poorNames are texts that don't tell one entry from another.
var poorNames = set("colour,color,location,address,phone,city,country,shape,material,genre,category,type,kind,brand,room,shelf,assignee,reporter,owner,source,language,region,currency,seat,place,unit,label,department,team,format,role,status,size,isbn,frequency,sku,code,barcode,reference,assigned,payment")

func lastWord(s string) string { return s[strings.LastIndexByte(s, ' ')+1:] }
