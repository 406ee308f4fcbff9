package gadget_test

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// TestPlay uses each gadget in a browser as a person would.
func TestPlay(t *testing.T) {
	b := start(t)
	for name, play := range map[string]func(*testing.T, browser){
		"calculatesByKeyboardAndKeys": calculatesByKeyboardAndKeys,
		"computesATip":                computesATip,
		"forms":                       forms,
		"convertsBothWays":            convertsBothWays,
		"playsToAWin":                 playsToAWin,
		"countsDown":                  countsDown,
		"countsSessions":              countsSessions,
		"timesLaps":                   timesLaps,
		"studiesCards":                studiesCards,
		"playsTheQuiz":                playsTheQuiz,
		"votes":                       votes,
		"writesNotes":                 writesNotes,
		"landingLeadsToItsSections":   landingLeadsToItsSections,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, b)
		})
	}
}

// evaluate is a statement as an action.
func evaluate(statement string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void]("(() => {" + statement + "})()")
}

func calculatesByKeyboardAndKeys(t *testing.T, b browser) {
	p := b.open(t, serve(t, made("basic", "python")))
	p.run(chromedp.KeyEvent("12*(3+4)"))
	p.says("#result", "= 84")
	p.run(chromedp.KeyEvent(kb.Enter))
	p.wait(`document.querySelector("#expression").value === "84"`)
	p.says("#history", "12×(3+4) = 84")
	p.run(chromedp.Click(`[data-key="÷"]`), chromedp.Click(`[data-key="0"]`), chromedp.Click(`[data-action="equals"]`))
	p.says("#result", "You can't divide by zero.")
	p.run(chromedp.KeyEvent(kb.Escape), chromedp.KeyEvent("2/3="))
	p.says("#result", "≈ 0.666666666666667")
}

func computesATip(t *testing.T, b browser) {
	p := b.open(t, serve(t, made("tip", "node")))
	if errors := value[string](p, `[...document.querySelectorAll(".error")].map((e) => e.textContent).join("")`); errors != "" {
		t.Errorf("an untouched form complains: %s", errors)
	}
	p.run(chromedp.SendKeys("#bill", "1100"), chromedp.Click(`[data-step="1"]`), chromedp.Click(`[data-step="1"]`))
	p.says(`[data-result="each"]`, "421.67")
	p.says("#over", "0.01 more than the total")
	p.choose("#rounding", "person")
	p.says(`[data-result="total"]`, "1 266.00")
	p.says("#tip-percent", "(15.1%)")
	p.fill("#bill", "ten")
	p.says("#bill-error", "Enter a number, such as 12.50.")
	p.wait(`document.querySelector("#bill").getAttribute("aria-invalid") === "true"`)
	p.says(`[data-result="each"]`, "–")
}

func forms(t *testing.T, b browser) {
	for _, form := range []struct {
		name, runtime string
		fill          map[string]string
		selector      string
		says          string
	}{
		{"bmi", "python", map[string]string{"#height": "180", "#weight": "75"}, ".results", "23.1 Class normal weight"},
		{"loan", "python", map[string]string{"#amount": "200000", "#rate": "4", "#years": "30"}, ".results", "Each month 954.83"},
		{"loan", "node", map[string]string{"#amount": "1200", "#rate": "12", "#years": "1"}, ".schedule", "1 1 279.42 0.00"},
		{"percentage", "node", map[string]string{"#change-a": "100", "#change-b": "80"}, "form:nth-of-type(3) .answer", "20% less"},
	} {
		t.Run(form.name+"/"+form.runtime, func(t *testing.T) {
			p := b.open(t, serve(t, made(form.name, form.runtime)))
			for selector, text := range form.fill {
				p.run(chromedp.SendKeys(selector, text))
			}
			p.says(form.selector, form.says)
		})
	}
}

func convertsBothWays(t *testing.T, b browser) {
	p := b.open(t, serve(t, made("all", "python")))
	p.says("#sentence", "1 m ≈ 3.28083989501 ft")
	p.fill("#to-value", "100")
	p.wait(`document.querySelector("#from-value").value === "30.48"`)
	p.run(chromedp.Click("#swap"))
	p.says("#sentence", "ft")
	p.run(chromedp.Click(`.kinds label:nth-child(3)`))
	p.says("#sentence", "°C")
	p.fill("#from-value", "-40")
	p.says("#sentence", "−40 °C = −40 °F")
	p.run(chromedp.SendKeys("#from-value", "0"))
	p.says("#problem", "Nothing is colder than absolute zero")
}

func playsToAWin(t *testing.T, b browser) {
	for _, runtime := range []string{"python", "node"} {
		t.Run(runtime, func(t *testing.T) {
			p := b.open(t, serve(t, made("tictactoe", runtime)))
			p.run(chromedp.Click(`[data-cell="4"]`)) // X
			p.says("#status", "O is next.")
			p.run(chromedp.KeyEvent(kb.ArrowUp), chromedp.KeyEvent(kb.Enter)) // O on 1
			p.says("#status", "X is next.")
			p.run(chromedp.Click(`[data-cell="0"]`)) // X
			p.says("#status", "O is next.")
			p.run(chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.Enter)) // O on 3
			p.says("#status", "X is next.")
			p.run(chromedp.Click(`[data-cell="8"]`)) // X wins
			p.says("#status", "X wins!")
			if won := value[int](p, `document.querySelectorAll(".won").length`); won != 3 {
				t.Errorf("%d cells are marked as won", won)
			}
			p.says("#score-X", "1")
			p.run(chromedp.Click("#again"))
			p.says("#status", "X begins.")
			p.says("#score-X", "1")
		})
	}
}

func countsDown(t *testing.T, b browser) {
	p := b.open(t, serve(t, made("countdown", "python")))
	p.says("#clock", "5:00")
	p.fill("#duration", "0:03"+kb.Enter)
	p.says("#clock", "0:03")
	p.run(evaluate(`document.activeElement.blur()`), chromedp.KeyEvent(" "))
	p.says("#toggle", "Pause")
	p.run(chromedp.Reload()) // it runs on
	p.says("#toggle", "Pause")
	p.says("#status", "Time is up.")
	p.says("#clock", "0:00")
	p.wait(`document.title.startsWith("Time is up")`)
	p.fill("#duration", "soon"+kb.Enter)
	p.says("#duration-error", "Enter a time such as 5 or 5:30.")
}

func countsSessions(t *testing.T, b browser) {
	p := b.open(t, serve(t, made("pomodoro", "node")))
	p.says("#clock", "25:00")
	p.run(chromedp.KeyEvent(" "))
	p.wait(`document.title.includes("Focus")`)
	// The clock goes on while nobody looks: as if the session had begun 25 minutes ago.
	p.run(evaluate(`Date.now = ((now) => () => now() + 25 * 60000)(Date.now)`))
	p.says("#status", "Time for a break.")
	p.says("#sessions", "1")
	p.says("#clock", "5:00")
	p.run(chromedp.KeyEvent("s"))
	p.says("#phase", "Focus")
	p.run(chromedp.Reload())
	p.says("#sessions", "1")
}

func timesLaps(t *testing.T, b browser) {
	p := b.open(t, serve(t, made("stopwatch", "python")))
	p.run(chromedp.KeyEvent(" "))
	p.wait(`!document.querySelector("#clock").textContent.startsWith("0:00.0")`)
	p.run(chromedp.KeyEvent("l"), chromedp.KeyEvent("l"), chromedp.KeyEvent(" "))
	p.wait(`document.querySelectorAll("#laps tr").length === 2`)
	stopped := value[string](p, `document.querySelector("#clock").textContent`)
	p.run(chromedp.Reload())
	p.says("#clock", stopped)
	p.run(chromedp.KeyEvent("r"))
	p.says("#clock", "0:00.00")
}

func studiesCards(t *testing.T, b browser) {
	a := made("cards", "python")
	a.Gadget.Seed = []spec.Seed{{"front": "springa", "back": "to run", "known": false}, {"front": "äta", "back": "to eat", "known": false}}
	address := serve(t, a)
	p := b.open(t, address)
	p.says(".study", "You know 0 of 2 cards.")
	p.run(chromedp.Click(".study button"))
	p.says(".study", "Card 1 of 2")
	p.run(chromedp.KeyEvent(" "))
	p.says(".face.back", "to ")
	p.run(chromedp.KeyEvent(kb.ArrowRight))
	p.says(".study", "Card 2 of 2")
	p.run(chromedp.KeyEvent(kb.ArrowLeft))
	p.says(".study", "1 of 2 known")
	p.run(chromedp.Navigate(address), chromedp.Reload())
	p.says(".study", "You know 1 of 2 cards.")
	p.says(".study", "Study the other 1")
}

func playsTheQuiz(t *testing.T, b browser) {
	a := made("quiz", "node")
	a.Gadget.Seed = []spec.Seed{
		{"question": "Sweden?", "answer": "Stockholm", "wrong": []any{"Oslo", "Turku"}},
		{"question": "Norway?", "answer": "Oslo", "wrong": []any{"Bergen"}},
	}
	p := b.open(t, serve(t, a))
	for i, right := range []bool{true, false} {
		p.says(".quiz", []string{"Question 1 of 2", "Question 2 of 2"}[i])
		// The answer is the one that is right for the question that is shown.
		p.run(evaluate(`(() => {
			const answer = document.querySelector(".quiz h2").textContent === "Sweden?" ? "Stockholm" : "Oslo";
			const choices = [...document.querySelectorAll(".choice")];
			choices.find((c) => c.textContent.slice(1) === answer === ` + map[bool]string{true: "true", false: "false"}[right] + `).click();
		})()`))
		p.says(".verdict", map[bool]string{true: "Right!", false: "No: it is"}[right])
		p.run(chromedp.KeyEvent(kb.Enter))
	}
	p.says(".quiz", "1 of 2 right")
	p.wait(`document.querySelectorAll(".missed li").length === 1`)
}

func votes(t *testing.T, b browser) {
	for _, runtime := range []string{"python", "node"} {
		t.Run(runtime, func(t *testing.T) {
			a := made("poll", runtime)
			a.Gadget.Seed = []spec.Seed{{"option": "Pizza", "votes": 0.0}}
			p := b.open(t, serve(t, a))
			p.says(".poll h2", `Where do we "eat"? </script>`)
			p.run(chromedp.SendKeys("#suggestion", "Soup"), chromedp.KeyEvent(kb.Enter))
			p.wait(`document.querySelectorAll(".poll .choice").length === 2`)
			p.run(chromedp.SendKeys("#suggestion", "soup"), chromedp.KeyEvent(kb.Enter))
			p.says(".suggest .error", "That option is there already.")
			p.run(chromedp.Click(".poll .choice:nth-of-type(2)"), chromedp.Click(".poll .primary"))
			p.says(".bars", "Soup your vote 100% · 1 vote")
			p.says(".poll", "One vote per browser")
			p.run(chromedp.Reload())
			p.says(".bars", "Pizza 0% · 0 votes")
			p.wait(`!document.querySelector(".poll form [type=radio]")`)
		})
	}
}

func writesNotes(t *testing.T, b browser) {
	p := b.open(t, serve(t, made("notes", "python")))
	p.says(".desk", "No notes yet.")
	p.run(chromedp.SendKeys(".title", "Groceries"), chromedp.SendKeys(`[aria-label="Tags"]`, "home, #shop"),
		chromedp.SendKeys("textarea", "# List\n- [x] milk\n- **eggs** [x](javascript:alert(1)) <img src=x onerror=alert(1)>"))
	p.wait(`document.querySelector(".preview h1")?.textContent === "List"`)
	p.wait(`document.querySelector(".preview .task input").checked`)
	p.wait(`document.querySelector(".preview strong").textContent === "eggs"`)
	p.wait(`!document.querySelector(".preview a, .preview img")`)
	p.says(".state", "Saved")
	p.says(".tags", "#home #shop")
	p.run(chromedp.Click(".desk aside .primary"), chromedp.SendKeys("textarea", "Call the *dentist*"))
	p.says(".state", "Saved")
	p.wait(`document.querySelectorAll(".item").length === 2`)
	p.run(chromedp.SendKeys(`[type=search]`, "MILK"))
	p.wait(`document.querySelectorAll(".item").length === 1`)
	p.run(chromedp.Click(".item"))
	p.wait(`document.querySelector(".title").value === "Groceries"`)
	p.run(chromedp.Reload())
	p.wait(`document.querySelectorAll(".item").length === 2`)
	p.says(".items", "Call the dentist")
}

func landingLeadsToItsSections(t *testing.T, b browser) {
	p := b.open(t, serve(t, made("landing", "node")))
	p.says(".lead", "Sourdough bread & cakes <baked> daily.")
	p.says(".action", "Contact")
	p.run(chromedp.Click(".action"))
	p.wait(`location.hash === "#contact" && document.querySelector("#contact-1 h2").textContent === "Contact"`)
	p.wait(`document.querySelectorAll("h1").length === 1`)
}
