package gadget

import "strings"

// A kind is a quantity that the converter knows.
type kind struct {
	ID, Label string
	From, To  string // the units that it starts with
	Units     []unit // the first is the one that the others are reckoned in
}

// A unit is of a quantity: a value times Factor, plus Offset, is the same in the
// kind's first unit.
type unit struct {
	ID, Name, Symbol string
	Factor, Offset   string // exact: decimals or ratios
}

// kinds are all quantities. The factors of length and weight are those of the
// international yard and pound agreement of 1959, exact by definition; the US
// gallon is 231 cubic inches, the imperial one 4.54609 litres.
var kinds = []kind{
	{"length", "Length", "metre", "foot", []unit{
		{"metre", "metres", "m", "1", "0"},
		{"millimetre", "millimetres", "mm", "0.001", "0"},
		{"centimetre", "centimetres", "cm", "0.01", "0"},
		{"kilometre", "kilometres", "km", "1000", "0"},
		{"inch", "inches", "in", "0.0254", "0"},
		{"foot", "feet", "ft", "0.3048", "0"},
		{"yard", "yards", "yd", "0.9144", "0"},
		{"mile", "miles", "mi", "1609.344", "0"},
		{"nautical_mile", "nautical miles", "nmi", "1852", "0"},
	}},
	{"weight", "Weight", "kilogram", "pound", []unit{
		{"kilogram", "kilograms", "kg", "1", "0"},
		{"milligram", "milligrams", "mg", "0.000001", "0"},
		{"gram", "grams", "g", "0.001", "0"},
		{"tonne", "tonnes", "t", "1000", "0"},
		{"ounce", "ounces", "oz", "0.028349523125", "0"},
		{"pound", "pounds", "lb", "0.45359237", "0"},
		{"stone", "stones", "st", "6.35029318", "0"},
	}},
	{"temperature", "Temperature", "celsius", "fahrenheit", []unit{
		{"celsius", "degrees Celsius", "°C", "1", "0"},
		{"fahrenheit", "degrees Fahrenheit", "°F", "5/9", "-160/9"},
		{"kelvin", "kelvins", "K", "1", "-273.15"},
	}},
	{"volume", "Volume", "litre", "us_gallon", []unit{
		{"litre", "litres", "l", "1", "0"},
		{"millilitre", "millilitres", "ml", "0.001", "0"},
		{"cubic_metre", "cubic metres", "m³", "1000", "0"},
		{"us_teaspoon", "US teaspoons", "US tsp", "0.00492892159375", "0"},
		{"us_tablespoon", "US tablespoons", "US tbsp", "0.01478676478125", "0"},
		{"us_fluid_ounce", "US fluid ounces", "US fl oz", "0.0295735295625", "0"},
		{"us_cup", "US cups", "US cup", "0.2365882365", "0"},
		{"us_pint", "US pints", "US pt", "0.473176473", "0"},
		{"us_gallon", "US gallons", "US gal", "3.785411784", "0"},
		{"imperial_pint", "imperial pints", "imp pt", "0.56826125", "0"},
		{"imperial_gallon", "imperial gallons", "imp gal", "4.54609", "0"},
	}},
}

// conversion is what the converter's templates are filled with.
type conversion struct {
	Action
	Kinds []kind
}

func (c conversion) Several() bool { return len(c.Kinds) > 1 }

// HasTemperature reports whether there is a quantity that may be below zero.
func (c conversion) HasTemperature() bool {
	for _, k := range c.Kinds {
		if k.ID == "temperature" {
			return true
		}
	}
	return false
}

// HasBoth reports whether there are also quantities that may not.
func (c conversion) HasBoth() bool { return c.HasTemperature() && c.Several() }

// converter writes a converter of one kind, or of all. Without a variant it is
// of all.
func (w *writer) converter(variant string) {
	c := conversion{Action: Action{Path: "convert", Module: "converter", Function: "convert", Invalid: "exact"}}
	for _, k := range kinds {
		if variant == "" || variant == "all" || variant == k.ID {
			c.Kinds = append(c.Kinds, k)
		}
	}
	if len(c.Kinds) == 0 {
		w.fail("unknown converter: " + variant)
		return
	}
	w.module("exact", exactParts{Field: true, Plain: true, Exact: true}, "exact")
	w.module("converter", c, "converter")
	w.bundle.Actions = append(w.bundle.Actions, c.Action)
	w.test("cases", c.Action)
	w.converterCases(c)
	w.page(c, "converter", "static/converter.css")
	w.file("static/units.js", c, "static/units.js")
	w.file("static/ask.js", nil, "static/ask.js")
	w.file("static/number.js", nil, "static/number.js")
}

// converterCases adds the cases of each kind as one list.
func (w *writer) converterCases(c conversion) {
	lists := make([]string, len(c.Kinds))
	for i, k := range c.Kinds {
		list := strings.TrimSpace(w.text("cases/converter_"+k.ID+".json", nil))
		lists[i] = strings.TrimSuffix(strings.TrimPrefix(list, "[\n"), "\n]")
	}
	if w.err == nil {
		w.bundle.Files = append(w.bundle.Files, File{"tests/cases.json", "[\n" + strings.Join(lists, ",\n") + "\n]\n"})
	}
}
