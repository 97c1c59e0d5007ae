"""Small plots as SVG: lines over a load axis, and stacked bars."""

# ruff: noqa: E501 (markup)

from dataclasses import dataclass
from xml.sax.saxutils import escape

_W, _H, _L, _B, _T, _R = 720, 380, 64, 48, 34, 170
_COLOURS = ("#2563eb", "#0d9488", "#d97706", "#9333ea", "#dc2626", "#64748b")


@dataclass(frozen=True)
class Series:
    """A named line."""

    name: str
    points: list[tuple[float, float]]


def lines(title: str, x: str, y: str, series: list[Series], *, top: float) -> str:
    """A line plot; values above `top` are drawn at it."""
    right = max((px for s in series for px, _ in s.points), default=1.0)
    body = _axes(title, x, y, right, top)
    for n, one in enumerate(series):
        colour = _COLOURS[n % len(_COLOURS)]
        path = " ".join(f"{_x(px, right):.1f},{_y(min(py, top), top):.1f}" for px, py in one.points)
        body.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        body += [
            f'<circle cx="{_x(px, right):.1f}" cy="{_y(min(py, top), top):.1f}" r="3" fill="{colour}"/>'
            for px, py in one.points
        ]
        body.append(_legend(n, one.name, colour))
    return _svg(body)


def bars(title: str, y: str, rows: list[tuple[str, float, float]]) -> str:
    """Two bars a row: p50 and p95."""
    top = max([value for _, *values in rows for value in values] + [1.0]) * 1.1
    body = _axes(title, "", y, len(rows), top, ticks=False)
    width = (_W - _L - _R) / max(1, len(rows))
    for n, (name, p50, p95) in enumerate(rows):
        left = _L + n * width
        for k, value in enumerate((p50, p95)):
            upper = _y(max(0.0, value), top)
            body.append(
                f'<rect x="{left + width * (0.15 + 0.35 * k):.1f}" y="{upper:.1f}" width="{width * 0.32:.1f}" '
                f'height="{_H - _B - upper:.1f}" fill="{_COLOURS[k]}"/>'
            )
        body.append(_text(left + width / 2, _H - _B + 16, name, anchor="middle", size=11))
    body += [_legend(k, name, _COLOURS[k]) for k, name in enumerate(("p50", "p95"))]
    return _svg(body)


def _axes(title: str, x: str, y: str, right: float, top: float, *, ticks: bool = True) -> list[str]:
    body = [_text(_L, 20, title, size=14)]
    for n in range(6):
        value = top * n / 5
        height = _y(value, top)
        body.append(
            f'<line x1="{_L}" x2="{_W - _R}" y1="{height:.1f}" y2="{height:.1f}" stroke="#e2e8f0"/>'
        )
        body.append(_text(_L - 6, height + 4, f"{value:.0f}", anchor="end", size=11))
        if ticks:
            body.append(
                _text(
                    _x(right * n / 5, right),
                    _H - _B + 16,
                    f"{right * n / 5:.0f}",
                    anchor="middle",
                    size=11,
                )
            )
    body.append(_text((_L + _W - _R) / 2, _H - 10, x, anchor="middle", size=12))
    body.append(
        f'<text transform="translate(16 {_H / 2}) rotate(-90)" text-anchor="middle" font-size="12">{escape(y)}</text>'
    )
    return body


def _legend(n: int, name: str, colour: str) -> str:
    y = _T + 10 + 20 * n
    mark = f'<rect x="{_W - _R + 14}" y="{y - 9}" width="12" height="12" fill="{colour}"/>'
    return mark + _text(_W - _R + 32, y + 1, name, size=12)


def _x(value: float, right: float) -> float:
    return _L + value / max(right, 1e-9) * (_W - _L - _R)


def _y(value: float, top: float) -> float:
    return _H - _B - value / max(top, 1e-9) * (_H - _B - _T)


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(text)}</text>'


def _svg(body: list[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{_W}" height="{_H}" viewBox="0 0 {_W} {_H}" font-family="sans-serif">'
    return (
        "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *body, "</svg>"]) + "\n"
    )
