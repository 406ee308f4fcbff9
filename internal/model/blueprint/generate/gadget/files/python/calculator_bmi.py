"""The body mass index of adults, with the World Health Organization's classes."""

from fractions import Fraction

from exact import Invalid, fields, fixed, rounded

POUND = Fraction("0.45359237")  # kilograms
INCH = Fraction("0.0254")  # metres

CLASSES = (  # the index from which a class begins
    (Fraction(40), "obesity class III"),
    (Fraction(35), "obesity class II"),
    (Fraction(30), "obesity class I"),
    (Fraction(25), "overweight"),
    (Fraction("18.5"), "normal weight"),
    (Fraction(0), "underweight"),
)


def calculate(data):
    """Answer {"units", "height", "weight"} with the index, its class and the normal weights.

    Metric is centimetres and kilograms, imperial inches and pounds.
    """
    units = data.get("units", "metric")
    if units == "metric":
        metre, kilogram = Fraction(1, 100), Fraction(1)
        bounds = {"height": (50, 272), "weight": (10, 650)}
    elif units == "imperial":
        metre, kilogram = INCH, POUND
        bounds = {"height": (20, 107), "weight": (22, 1433)}
    else:
        raise Invalid(units="Choose metric or imperial.")
    given = fields(
        data,
        height={"label": "the height", "least": bounds["height"][0], "most": bounds["height"][1]},
        weight={"label": "the weight", "least": bounds["weight"][0], "most": bounds["weight"][1]},
    )
    square = (given["height"] * metre) ** 2
    index = rounded(given["weight"] * kilogram / square, 1)
    return {
        "index": fixed(index, 1),
        "class": next(name for least, name in CLASSES if index >= least),
        "normal_from": fixed(Fraction("18.5") * square / kilogram, 1),
        "normal_to": fixed(Fraction("24.9") * square / kilogram, 1),
    }
