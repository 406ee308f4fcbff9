// The rules of tic-tac-toe. A board is nine characters, row by row: X, O or a dot.

const LINES = ["012", "345", "678", "036", "147", "258", "048", "246"];

// A move that can't be made: errors maps a field's name to what is wrong with it.
export class Invalid extends Error {
  constructor(errors) {
    super(Object.values(errors).join("; "));
    this.errors = errors;
  }
}

// Answer {"board", "cell"} with the board after the move of whoever is next, and how it stands.
//
// X begins. "next" is null when the game is over; then "winner" and "line" say who
// won and where, or are null and empty after a draw.
export function move(data) {
  const { board, cell } = data;
  if (typeof board !== "string" || !/^[XO.]{9}$/.test(board)) {
    throw new Invalid({ board: "A board is nine of X, O and dot." });
  }
  if (![0, 1].includes(count(board, "X") - count(board, "O"))) {
    throw new Invalid({ board: "X and O have to take turns." });
  }
  if (!Number.isInteger(cell) || cell < 0 || cell > 8) throw new Invalid({ cell: "A cell is a number from 0 to 8." });
  if (isOver(board)) throw new Invalid({ board: "This game is over." });
  if (board[cell] !== ".") throw new Invalid({ cell: "This cell is taken." });

  const after = board.slice(0, cell) + turn(board) + board.slice(cell + 1);
  const line = winning(after);
  return {
    board: after,
    next: isOver(after) ? null : turn(after),
    winner: line.length > 0 ? after[line[0]] : null,
    line,
  };
}

function turn(board) {
  return count(board, "X") === count(board, "O") ? "X" : "O";
}

function isOver(board) {
  return winning(board).length > 0 || !board.includes(".");
}

// The three cells of a won line, or none.
function winning(board) {
  for (const line of LINES) {
    const [a, b, c] = [...line].map(Number);
    if (board[a] !== "." && board[a] === board[b] && board[a] === board[c]) return [a, b, c];
  }
  return [];
}

function count(board, player) {
  return board.split(player).length - 1;
}
