// The board of tic-tac-toe. The server is the referee: it knows the rules.
import { ask } from "./ask.js";

const EMPTY = ".........";
const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -3, ArrowDown: 3 };

const cells = [...document.querySelectorAll("[data-cell]")];
const status = document.querySelector("#status");
const score = { X: 0, O: 0, draw: 0 };
let game;
let isAsking = false; // one move at a time

function begin() {
  game = { board: EMPTY, next: "X", winner: null, line: [] };
  status.textContent = "X begins.";
  render();
}

async function play(cell) {
  if (isAsking || game.next === null || game.board[cell] !== ".") return;
  isAsking = true;
  try {
    game = await ask("move", { board: game.board, cell });
    if (game.next === null) score[game.winner ?? "draw"]++;
    status.textContent = standing();
    render();
  } catch (problem) {
    status.textContent = problem.message;
  } finally {
    isAsking = false;
  }
}

function standing() {
  if (game.winner) return `${game.winner} wins!`;
  return game.next ? `${game.next} is next.` : "A draw.";
}

function render() {
  for (const [i, cell] of cells.entries()) {
    const mark = game.board[i] === "." ? "" : game.board[i];
    cell.textContent = mark;
    cell.dataset.mark = mark;
    cell.classList.toggle("won", game.line.includes(i));
    cell.setAttribute("aria-disabled", String(mark !== "" || game.next === null));
    cell.setAttribute("aria-label", `Row ${Math.floor(i / 3) + 1}, column ${(i % 3) + 1}: ${mark || "empty"}`);
  }
  for (const [name, won] of Object.entries(score)) document.querySelector(`#score-${name}`).textContent = won;
}

// Move the focus to a cell. Only it is in the tab order: the arrow keys reach the others.
function focus(cell) {
  for (const [i, button] of cells.entries()) button.tabIndex = i === cell ? 0 : -1;
  cells[cell].focus();
}

function neighbour(cell, key) {
  const [row, column] = [Math.floor(cell / 3), cell % 3];
  if (key === "ArrowLeft" || key === "ArrowRight") return row * 3 + ((column + STEPS[key] + 3) % 3);
  return (cell + STEPS[key] + 9) % 9;
}

const board = document.querySelector(".board");

board.addEventListener("click", (event) => {
  const cell = event.target.closest("[data-cell]")?.dataset.cell;
  if (cell === undefined) return;
  focus(Number(cell));
  play(Number(cell));
});

board.addEventListener("keydown", (event) => {
  if (!(event.key in STEPS)) return;
  event.preventDefault();
  focus(neighbour(Number(event.target.dataset.cell), event.key));
});

document.querySelector("#again").addEventListener("click", () => {
  begin();
  focus(4);
});

document.querySelector("#forget").addEventListener("click", () => {
  Object.assign(score, { X: 0, O: 0, draw: 0 });
  render();
});

for (const [i, cell] of cells.entries()) cell.tabIndex = i === 4 ? 0 : -1;
begin();
