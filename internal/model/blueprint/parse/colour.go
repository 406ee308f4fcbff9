package parse

import "strings"

// accents are the colours by name: each is dark enough to carry white text.
var accents = map[string]string{
	"red": "#dc2626", "green": "#15803d", "blue": "#2563eb", "yellow": "#a16207", "orange": "#c2410c", "purple": "#7e22ce", "violet": "#6d28d9", "pink": "#be185d", "brown": "#78350f",
	"teal": "#0f766e", "turquoise": "#0f766e", "cyan": "#0e7490", "indigo": "#4338ca", "magenta": "#a21caf", "grey": "#4b5563", "gray": "#4b5563", "black": "#1f2937", "navy": "#1e3a8a", "maroon": "#7f1d1d",
	"olive": "#4d5d0f", "lime": "#4d7c0f", "gold": "#92650a", "golden": "#92650a", "amber": "#b45309", "crimson": "#b91c3c", "lavender": "#7c5cc4", "mint": "#0d7a5f", "coral": "#c8432b", "salmon": "#c2483b", "beige": "#8a6d3b", "rose": "#be123c",
	"dark red": "#991b1b", "dark green": "#14532d", "dark blue": "#1e3a8a", "dark orange": "#9a3412", "dark purple": "#581c87", "dark pink": "#831843", "dark grey": "#374151", "dark gray": "#374151", "dark teal": "#134e4a",
	"light red": "#d63a3a", "light green": "#2f7d32", "light blue": "#0369a1", "light orange": "#c2500d", "light purple": "#8b45c9", "light pink": "#c93a78", "light grey": "#6b7280", "light gray": "#6b7280", "sky blue": "#0369a1", "forest green": "#166534", "burgundy": "#7f1d3a",
}

// palette are the accents that apps get when nobody names one.
var palette = []string{"blue", "teal", "indigo", "green", "violet", "orange", "crimson", "cyan"}

// usualAccent picks one by the app's title, so that two apps seldom look alike.
func usualAccent(title string) string {
	sum := 0
	for _, b := range []byte(strings.ToLower(title)) {
		sum += int(b)
	}
	return accents[palette[sum%len(palette)]]
}

// colourFrame are the words around a colour that is meant for the whole app.
var colourFrame = set("accent,theme,themed,colour,color,colors,colours,scheme,design,style,look,background,button,header,palette,tone,branding,shade,tint")

// accentOf finds a colour for the app in p: "in green", "a dark red accent",
// "make it blue". alone allows a colour without any word that says so.
func accentOf(p phrase, alone bool) (hex string, used phrase) {
	for i := range p {
		n := 0
		if i+1 < len(p) && accents[p[i:i+2].lower()] != "" {
			n = 2
		} else if accents[p[i].low] != "" {
			n = 1
		}
		if n == 0 {
			continue
		}
		rest := p.without(i, n)
		framed := i+n < len(p) && kindNouns[p[i+n].low] || i > 0 && p[i-1].low == "in" && i+n == len(p) || i == len(p)-n && p.has("make", "turn", "paint", "colour", "color")
		for _, t := range rest {
			if colourFrame[t.low] || colourFrame[t.lem] {
				framed = true
				used = append(used, t)
			}
		}
		if framed || alone && len(rest.content()) == 0 {
			return accents[p[i:i+n].lower()], append(used, p[i:i+n]...)
		}
		used = nil
	}
	return "", nil
}
