package gadget_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The two programs read a list of inputs and write the list of answers; one that
// was refused is the object of its errors.
const (
	askPython = `import json, sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
function = getattr(__import__(sys.argv[2]), sys.argv[3])
def answer(data):
    try:
        return function(data)
    except ValueError as refused:
        return {"refused": refused.errors}
print(json.dumps([answer(data) for data in json.load(sys.stdin)]))`
	askNode = `const [folder, name, fn] = process.argv.slice(1);
const module = await import(folder + "/" + name + ".js");
const answers = JSON.parse((await import("node:fs")).readFileSync(0, "utf8")).map((data) => {
	try {
		return module[fn](data);
	} catch (refused) {
		return { refused: refused.errors };
	}
});
console.log(JSON.stringify(answers));`
)

// TestTwins shows that the Python and the JavaScript module of an action answer
// and refuse alike, whatever they are asked.
func TestTwins(t *testing.T) {
	number := func(r *rand.Rand) any {
		numbers := []any{
			"0", "1", "-3", "12.50", "12,5", "1,500", "0.1", ".5", "5.", "1e3", "1e-9", "2.5E+20", "1e300", "1e301", "-0", "007", "1/3", "",
			" 7 ", "−4", "+2", "ten", "1.2.3", "999999999999999.95", "0.00000012345678901234567", strings.Repeat("9", 41), "１２", "1_000",
			nil, true, 5, 2.5, []any{}, map[string]any{}, "100", "15", "180", "75", "3", "0.005", "99999999.995",
		}
		return numbers[r.IntN(len(numbers))]
	}
	pick := func(r *rand.Rand, from ...any) any { return from[r.IntN(len(from))] }
	for _, twin := range []struct {
		app, module, function string
		input                 func(*rand.Rand) map[string]any
	}{
		{"basic", "calculator", "calculate", func(r *rand.Rand) map[string]any {
			pieces := []string{"1", "2.5", "0.1", "300", "7", "1e9", "+", "-", "*", "/", "×", "÷", "−", "(", ")", "%", " ", ",5", "1e200", "x", "0"}
			var b strings.Builder
			for range r.IntN(12) + 1 {
				b.WriteString(pieces[r.IntN(len(pieces))])
			}
			return map[string]any{"expression": b.String()}
		}},
		{"tip", "calculator", "calculate", func(r *rand.Rand) map[string]any {
			return map[string]any{
				"bill": number(r), "percent": number(r), "people": pick(r, "1", "3", 7, number(r)),
				"rounding": pick(r, "none", "person", "total", "none", nil, 4),
			}
		}},
		{"bmi", "calculator", "calculate", func(r *rand.Rand) map[string]any {
			return map[string]any{"units": pick(r, "metric", "imperial", "stones", nil, []any{}), "height": pick(r, "180", 70, number(r)), "weight": pick(r, "75", number(r))}
		}},
		{"loan", "calculator", "calculate", func(r *rand.Rand) map[string]any {
			return map[string]any{"amount": pick(r, "1200", 99999.99, number(r)), "rate": pick(r, "0.0001", "4.12345", number(r)), "years": pick(r, "1", 3, number(r))}
		}},
		{"percentage", "calculator", "calculate", func(r *rand.Rand) map[string]any {
			return map[string]any{"question": pick(r, "of", "share", "change", "", nil), "a": number(r), "b": number(r)}
		}},
		{"all", "converter", "convert", func(r *rand.Rand) map[string]any {
			return map[string]any{
				"kind": pick(r, "length", "weight", "temperature", "volume", "mood", nil), "value": number(r),
				"from": pick(r, "metre", "foot", "pound", "celsius", "fahrenheit", "kelvin", "us_cup", "constructor", nil, 3),
			}
		}},
		{"tictactoe", "tictactoe", "move", func(r *rand.Rand) map[string]any {
			board := []byte(".........")
			for i := range r.IntN(9) {
				board[r.IntN(9)] = "XO"[i%2]
			}
			return map[string]any{"board": pick(r, string(board), string(board), "XO", nil, string(board)+"\n"), "cell": pick(r, r.IntN(9), r.IntN(9), -1, 9, "1", 1.5, true, nil)}
		}},
	} {
		t.Run(twin.app, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, 2))
			inputs := make([]map[string]any, 400)
			for i := range inputs {
				inputs[i] = twin.input(r)
			}
			python := exec.CommandContext(t.Context(), "python3", "-c", askPython, build(t, made(twin.app, "python")), twin.module, twin.function)
			node := exec.CommandContext(t.Context(), "node", "--input-type=module", "-e", askNode, build(t, made(twin.app, "node")), twin.module, twin.function)
			ours, theirs := answers(t, python, inputs), answers(t, node, inputs)
			refused := 0
			for i := range inputs {
				if diff := cmp.Diff(ours[i], theirs[i]); diff != "" {
					t.Errorf("%v: on Python and on Node: %s", inputs[i], diff)
				}
				if ours[i]["refused"] != nil {
					refused++
				}
			}
			if refused == 0 || refused == len(inputs) {
				t.Errorf("%d of %d inputs were refused: the others aren't tried", refused, len(inputs))
			}
		})
	}
}

// answers runs the program on the inputs.
func answers(t *testing.T, cmd *exec.Cmd, inputs []map[string]any) []map[string]any {
	t.Helper()
	in, err := json.Marshal(inputs)
	if err != nil {
		t.Fatal(err)
	}
	var problems bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, problems.String())
	}
	var found []map[string]any
	if err := json.Unmarshal(out, &found); err != nil || len(found) != len(inputs) {
		t.Fatalf("%d answers, error %v", len(found), err)
	}
	return found
}
