package generate

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The pages in a real browser: what a person does, without a word on the console.
func TestPages(t *testing.T) {
	t.Parallel()
	chromium := browser(t)
	t.Run("list", func(t *testing.T) { usesTheList(t, newTab(t, chromium, "list")) })
	t.Run("every view", func(t *testing.T) { usesEveryView(t, newTab(t, chromium, "everything")) })
	t.Run("hostile", func(t *testing.T) { survivesHostileWords(t, newTab(t, chromium, "hostile")) })
	t.Run("belongs to", func(t *testing.T) { keepsWhatIsUsed(t, newTab(t, chromium, "staff")) })
}

// usesTheList adds, corrects, ticks, searches, sorts, edits, deletes and brings
// back a book, by keyboard where a keyboard does.
func usesTheList(t *testing.T, p *tab) {
	app := start(t, write(t, readingList()), t.TempDir())
	p.run(chromedp.Navigate(app.url))
	p.until(`document.querySelector(".empty")?.textContent.includes("No books yet")`)
	p.shoot("list-empty")

	p.run(chromedp.Focus(".empty .primary"), chromedp.KeyEvent(kb.Enter))
	p.until(`document.querySelector("dialog[open]")`)
	if focused := js[string](p, "document.activeElement.id"); focused != "field-title" {
		t.Errorf("the dialog starts at %q, want the title", focused)
	}
	p.run(chromedp.SendKeys("#field-author", "Le Guin"), chromedp.SendKeys("#field-pages", "-3"), chromedp.KeyEvent(kb.Enter))
	p.until(`document.querySelector("#field-title-error").textContent === "This is required."`)
	if got := js[string](p, `document.querySelector("#field-pages-error").textContent`); got != "Enter at least 0." {
		t.Errorf("beside the pages: %q", got)
	}
	p.shoot("form-errors")
	p.run(chromedp.SendKeys("#field-title", "The Dispossessed"), chromedp.SetValue("#field-pages", "387"), chromedp.Focus("#field-title"), chromedp.KeyEvent(kb.Enter))
	p.until(`document.querySelector("tbody .name")?.textContent === "The Dispossessed"`)

	for i := range 4 {
		app.must(201, "POST", "/api/books", map[string]any{"title": fmt.Sprintf("Book %d", i), "author": "Ann Other", "pages": 100 + i, "rating": i + 1})
	}
	p.run(chromedp.Reload())
	p.until(`document.querySelectorAll("tbody tr").length === 5`)
	p.fits()
	p.shoot("list")

	p.redraws("tbody", chromedp.Click(`[aria-label="Finished: The Dispossessed"]`))
	p.until(`document.activeElement.dataset.toggle === "1 finished"`)
	if entry := app.must(200, "GET", "/api/books/1", nil); entry.json["finished"] != true || entry.json["pages"] != 387.0 {
		t.Errorf("after the tick: %s", entry.text)
	}
	p.run(chromedp.Click(`//th/button[contains(., "Pages")]`))
	p.until(`document.activeElement.closest('th[aria-sort="ascending"]') && document.querySelector("tbody .name").textContent === "Book 0"`)
	p.run(chromedp.KeyEvent(kb.Enter))
	p.until(`document.activeElement.closest('th[aria-sort="descending"]') && document.querySelector("tbody .name").textContent === "The Dispossessed"`)

	p.run(chromedp.SendKeys(`input[type="search"]`, "disposs"))
	p.until(`document.querySelectorAll("tbody tr").length === 1`)
	p.run(chromedp.Click("tbody .link"))
	p.until(`document.querySelector("dialog[open] #field-title")?.value === "The Dispossessed"`)
	p.run(chromedp.KeyEvent(kb.Escape))
	p.until(`!document.querySelector("dialog")`)
	p.run(chromedp.KeyEvent(kb.Enter)) // the focus is back where it was
	p.until(`document.querySelector("dialog[open]")`)
	p.run(chromedp.SendKeys("#field-author", ", Ursula"), chromedp.KeyEvent(kb.Enter))
	p.until(`!document.querySelector("dialog") && document.activeElement.dataset.open === "1" && document.querySelector("tbody").textContent.includes("Le Guin, Ursula")`)
	p.run(chromedp.Click(`[aria-label="Delete The Dispossessed"]`))
	p.until(`document.querySelector(".empty")?.textContent.includes("No books match")`)
	p.run(chromedp.Click(".toast button"))
	p.until(`document.querySelectorAll("tbody tr").length === 1`)
	p.quiet()
}

// usesEveryView goes through board, list, calendar and totals.
func usesEveryView(t *testing.T, p *tab) {
	app := start(t, write(t, everything()), t.TempDir())
	owner := app.must(201, "POST", "/api/people", map[string]any{"name": "Ada Lovelace"}).json["id"]
	for i, stage := range []string{"idea", "doing", "live", "doing"} {
		app.must(201, "POST", "/api/projects", map[string]any{
			"name": fmt.Sprintf("Project number %d", i+1), "members": 3 + i, "effort": 2.5, "budget": 1200.5 * float64(i+1),
			"deadline": "2026-01-15", "stand_up": "09:30", "stage": stage, "site": "https://www.example.com/a", "contact": "ada@example.com",
			"appeal": i + 1, "topics": []string{"paint", "garden"}, "owner": owner, "done": i == 2,
			"summary": "A longer text that says what this is about and goes on for a while, so that it has to be shortened in a list of many entries.",
		})
	}
	p.run(chromedp.Navigate(app.url))
	p.until(`document.querySelectorAll(".column li").length === 4`)
	p.fits()
	p.shoot("board")
	p.run(chromedp.SetValue(`[data-entry="1"] select`, "live"), chromedp.Evaluate[chromedp.Void](`document.querySelector('[data-entry="1"] select').dispatchEvent(new Event("change"))`))
	p.until(`document.querySelector('[aria-label="live"] [data-entry="1"]')`)
	if focused := js[string](p, `document.activeElement.getAttribute("aria-label")`); focused != "Move Project number 1" {
		t.Errorf("after a move the focus is at %q", focused)
	}
	p.run(chromedp.Evaluate[chromedp.Void](drag(`[data-entry="2"]`, `[aria-label="idea"]`)))
	p.until(`document.querySelector('[aria-label="idea"] [data-entry="2"]')`)

	p.run(chromedp.Evaluate[chromedp.Void](`location.hash = "#projects/list"`))
	p.until(`document.querySelectorAll("tbody tr.late").length === 3`)
	p.fits()
	p.shoot("list-everything")
	p.run(chromedp.Click("//button[.='Add project']"))
	p.until(`document.querySelector("dialog[open]")`)
	p.shoot("form-everything")
	p.run(chromedp.KeyEvent(kb.Escape), chromedp.Evaluate[chromedp.Void](`location.hash = "#projects/calendar"`))
	p.until(`document.querySelectorAll(".day").length >= 28`)
	day := js[string](p, `(() => { const d = new Date(); return [d.getFullYear(), String(d.getMonth() + 1).padStart(2, "0"), "15"].join("-") })()`)
	app.must(201, "POST", "/api/projects", map[string]any{"name": "This month's", "members": 1, "deadline": day, "stage": "idea"})
	p.redraws(".month", chromedp.Click(`[data-turn="next"]`))
	p.redraws(".month", chromedp.Click(`[data-turn="previous"]`))
	p.until(`document.querySelector(".event")?.textContent === "This month's"`)
	p.fits()
	p.shoot("calendar")
	p.run(chromedp.Evaluate[chromedp.Void](`location.hash = "#projects/totals"`))
	p.until(`document.querySelectorAll(".chart rect").length === 3`)
	p.fits()
	p.shoot("totals")
	p.quiet()
}

// drag returns a script that drags one element to another.
func drag(from, to string) string {
	return fmt.Sprintf(`(() => {
		const dataTransfer = new DataTransfer();
		const send = (selector, type) => document.querySelector(selector).dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
		send(%[1]q, "dragstart"); send(%[2]q, "dragover"); send(%[2]q, "drop");
	})()`, from, to)
}

// survivesHostileWords shows names and values that would be code elsewhere.
func survivesHostileWords(t *testing.T, p *tab) {
	app := start(t, write(t, hostile()), t.TempDir())
	attack := `"><img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`
	app.must(201, "POST", "/api/select", map[string]any{"order": "</option>", "class": attack, "q": []string{"<img src=x onerror=alert(1)>"}})
	p.run(chromedp.Navigate(app.url + "/#select/list"))
	p.until(`document.querySelectorAll("tbody tr").length === 1`)
	if title := js[string](p, "document.title"); title == "owned" {
		t.Error("a value became code")
	}
	if images := js[int](p, `document.querySelectorAll("main img, main script").length`); images != 0 {
		t.Errorf("values became %d elements", images)
	}
	p.fits()
	p.run(chromedp.Click("tbody .link"))
	p.until(`document.querySelector("dialog[open] #field-class")?.value.includes("onerror")`)
	p.run(chromedp.KeyEvent(kb.Escape))
	for _, part := range []string{"select/board", "select/totals", "entities-totals", "app"} {
		p.run(chromedp.Evaluate[chromedp.Void](fmt.Sprintf("location.hash = %q", "#"+part)))
		p.until(`document.querySelector("main .stack").children.length > 0`)
	}
	p.quiet()
}

// keepsWhatIsUsed is told why a department can't go.
func keepsWhatIsUsed(t *testing.T, p *tab) {
	app := start(t, write(t, staff()), t.TempDir())
	department := app.must(201, "POST", "/api/departments", map[string]any{"name": "Engineering"}).json["id"]
	app.must(201, "POST", "/api/employees", map[string]any{"name": "Ada", "department": department})
	p.run(chromedp.Navigate(app.url))
	p.until(`document.querySelector("tbody")?.textContent.includes("Engineering")`)
	p.run(chromedp.Click(`//nav/a[.="Departments"]`))
	p.until(`document.querySelector("tbody .name")?.textContent === "Engineering"`)
	p.run(chromedp.Click(`[aria-label="Delete Engineering"]`))
	p.until(`document.querySelector(".toast")?.textContent === "1 employee belongs to this department. Move or delete it first."`)
	for _, e := range p.complaints() { // Chromium notes each refusal
		if e != "Failed to load resource: the server responded with a status of 409 (Conflict) "+app.url+"/api/departments/1" {
			t.Errorf("console: %s", e)
		}
	}
}
