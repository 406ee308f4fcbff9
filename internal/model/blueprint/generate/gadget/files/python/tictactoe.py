"""The rules of tic-tac-toe. A board is nine characters, row by row: X, O or a dot."""

LINES = ("012", "345", "678", "036", "147", "258", "048", "246")


class Invalid(ValueError):
    """A move that can't be made. errors maps a field's name to what is wrong with it."""

    def __init__(self, **errors):
        super().__init__("; ".join(errors.values()))
        self.errors = errors


def move(data):
    """Answer {"board", "cell"} with the board after the move of whoever is next, and how it stands.

    X begins. "next" is null when the game is over; then "winner" and "line" say
    who won and where, or are null and empty after a draw.
    """
    board, cell = data.get("board"), data.get("cell")
    if not isinstance(board, str) or len(board) != 9 or set(board) - set("XO."):
        raise Invalid(board="A board is nine of X, O and dot.")
    if board.count("X") - board.count("O") not in (0, 1):
        raise Invalid(board="X and O have to take turns.")
    if isinstance(cell, bool) or not isinstance(cell, int) or not 0 <= cell <= 8:
        raise Invalid(cell="A cell is a number from 0 to 8.")
    if over(board):
        raise Invalid(board="This game is over.")
    if board[cell] != ".":
        raise Invalid(cell="This cell is taken.")
    board = board[:cell] + turn(board) + board[cell + 1 :]
    line = winning(board)
    return {
        "board": board,
        "next": None if over(board) else turn(board),
        "winner": board[line[0]] if line else None,
        "line": line,
    }


def turn(board):
    return "X" if board.count("X") == board.count("O") else "O"


def over(board):
    return bool(winning(board)) or "." not in board


def winning(board):
    """Return the three cells of a won line, or none."""
    for line in LINES:
        a, b, c = map(int, line)
        if board[a] != "." and board[a] == board[b] == board[c]:
            return [a, b, c]
    return []
