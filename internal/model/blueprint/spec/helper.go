package spec

// Entity returns the entity with this table, or nil. The pointer is into a.
func (a *App) Entity(table string) *Entity {
	for i := range a.Entities {
		if a.Entities[i].Table == table {
			return &a.Entities[i]
		}
	}
	return nil
}

// Field returns the field with this column, or nil. The pointer is into e.
func (e *Entity) Field(column string) *Field {
	for i := range e.Fields {
		if e.Fields[i].Column == column {
			return &e.Fields[i]
		}
	}
	return nil
}

// Clone returns a copy that shares nothing that a change would write to.
func (a App) Clone() App {
	a.Entities = append([]Entity(nil), a.Entities...)
	for i, e := range a.Entities {
		e.Fields = cloneFields(e.Fields)
		e.Removed = cloneFields(e.Removed)
		f := &e.Features
		f.Filter = append([]string(nil), f.Filter...)
		f.Totals = append([]Total(nil), f.Totals...)
		f.Chart = clonePtr(f.Chart)
		f.Overdue = clonePtr(f.Overdue)
		a.Entities[i] = e
	}
	if a.Gadget = clonePtr(a.Gadget); a.Gadget != nil {
		a.Gadget.Sections = append([]Section(nil), a.Gadget.Sections...)
		a.Gadget.Seed = append([]Seed(nil), a.Gadget.Seed...)
	}
	a.Suggestions = append([]string(nil), a.Suggestions...)
	a.Notes = append([]string(nil), a.Notes...)
	return a
}

func cloneFields(fields []Field) []Field {
	out := append([]Field(nil), fields...)
	for i, f := range out {
		out[i].Choices = append([]string(nil), f.Choices...)
		out[i].Min, out[i].Max = clonePtr(f.Min), clonePtr(f.Max)
	}
	return out
}

func clonePtr[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// Numeric reports whether values of this type can be summed.
func (t Type) Numeric() bool { return t == Integer || t == Decimal || t == Money }

// Filterable reports whether entries can be filtered by a field of this type.
func (t Type) Filterable() bool {
	switch t {
	case Choice, Boolean, Rating, Tags, BelongsTo:
		return true
	}
	return false
}

// Groupable reports whether totals can be made for each value of a field of
// this type; those of a Date are made for each of its months.
func (t Type) Groupable() bool {
	switch t {
	case Text, Choice, Boolean, Rating, BelongsTo, Date:
		return true
	}
	return false
}

// Static reports whether the gadget keeps nothing on the server: its app has no
// entities.
func (k GadgetKind) Static() bool {
	switch k {
	case Calculator, Converter, Timer, TicTacToe, Landing:
		return true
	}
	return false
}

// GadgetEntity returns the entity that a gadget of this kind works on. Its
// fields can't be removed and their types can't change; more may be added.
// ok is false for a kind that is Static or unknown.
func GadgetEntity(k GadgetKind) (e Entity, ok bool) {
	text := func(column, label string) Field {
		return Field{Column: column, Name: column, Label: label, Type: Text, Required: true}
	}
	switch k {
	case Cards:
		e = Entity{Table: "cards", Name: "card", Plural: "cards", Fields: []Field{
			text("front", "Front"), text("back", "Back"), {Column: "known", Name: "known", Label: "Known", Type: Boolean}}}
		e.Features.Filter = []string{"known"}
	case Quiz:
		e = Entity{Table: "questions", Name: "question", Plural: "questions", Fields: []Field{
			text("question", "Question"), text("answer", "Answer"), {Column: "wrong", Name: "wrong", Label: "Wrong answers", Type: Tags}}}
	case Poll:
		zero := 0.0
		e = Entity{Table: "options", Name: "option", Plural: "options", Fields: []Field{
			text("option", "Option"), {Column: "votes", Name: "votes", Label: "Votes", Type: Integer, Min: &zero}}}
	case Notes:
		e = Entity{Table: "notes", Name: "note", Plural: "notes", Fields: []Field{
			text("title", "Title"), {Column: "body", Name: "body", Label: "Body", Type: LongText}, {Column: "tags", Name: "tags", Label: "Tags", Type: Tags}}}
		e.Features.Filter = []string{"tags"}
	default:
		return Entity{}, false
	}
	e.Slug = e.Table
	e.Features.Search, e.Features.Sort, e.Features.CSV = true, true, true
	return e, true
}
