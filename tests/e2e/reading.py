"""Whether what is shown can be read: names for those who listen, contrast for those who look, room on a narrow page."""

from __future__ import annotations

from typing import Any

__all__ = ["cut_off", "faint", "nameless"]

LEAST_CONTRAST = 4.5  # WCAG 2.2, 1.4.3, for text of usual size

_SEEN = """const seen = e => e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && e.getClientRects().length > 0;
    const all = (root, what) => [...root.querySelectorAll(what)].filter(seen);"""

_NAMELESS = f"""selector => {{ {_SEEN}
    const what = 'button, input, select, textarea, summary, canvas, img, [tabindex="0"], [role=progressbar], [role=list]';
    const named = e => e.ariaLabel || e.title || e.getAttribute('alt') || e.placeholder || e.labels?.[0]?.innerText.trim()
        || document.getElementById(e.getAttribute('aria-labelledby'))?.innerText.trim() || e.innerText?.trim();
    const found = [...document.querySelectorAll(selector)].flatMap(root => [root, ...all(root, what)].slice(1));
    return [found.length, found.filter(e => !named(e) && !e.closest('[aria-hidden=true]')).map(e => e.outerHTML.slice(0, 120))];
}}"""

# A text's ground is the first one behind it that is not transparent, mixed with what shines through.
_FAINT = f"""([selector, least]) => {{ {_SEEN}
    const context = new OffscreenCanvas(1, 1).getContext('2d', {{ willReadFrequently: true }});
    const rgba = color => {{
        context.clearRect(0, 0, 1, 1); context.fillStyle = color; context.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
    }};
    const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3]));
    const ground = e => {{
        const own = e ? rgba(getComputedStyle(e).backgroundColor) : [255, 255, 255, 1];
        return own[3] > 0.99 ? own.slice(0, 3) : over(own, ground(e.parentElement));
    }};
    const light = color => {{
        const [r, g, b] = color.map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    }};
    const contrast = e => {{
        const below = ground(e), ink = over(rgba(getComputedStyle(e).color), below);
        const [a, b] = [light(ink), light(below)]; return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    }};
    const texts = [...document.querySelectorAll(selector)].flatMap(root => all(root, '*')).filter(e => !e.disabled
        && !e.closest(':disabled, .pathos-nb-flame, .pathos-nb-heard')
        && [...e.childNodes].some(child => child.nodeType === 3 && child.data.trim()));
    return [texts.length, texts.filter(e => contrast(e) < least)
        .map(e => `${{e.className}} "${{e.innerText.slice(0, 30)}}": ${{contrast(e).toFixed(2)}}`)];
}}"""

_CUT_OFF = f"""selector => {{ {_SEEN}
    const box = e => e.getBoundingClientRect();
    const isBelow = (e, root) => root.matches('.pathos-nb-run') && !e.closest('.pathos-nb-scroller, .pathos-nb-list')
        && box(e).bottom > box(root).bottom + 1;
    const sticksOut = (e, root) => box(e).right > box(root).right + 1 || isBelow(e, root);
    const roots = [...document.querySelectorAll(selector)].filter(seen);
    return [roots.length, roots.flatMap(root => all(root, 'button, input, select, b, h3, span, canvas')
        .filter(e => sticksOut(e, root)).map(e => `${{e.className}} "${{e.innerText?.slice(0, 30)}}"`))];
}}"""


def _found(answer: Any) -> list[str]:
    n, found = answer
    assert n > 0, "there is something to read"
    return list(found)


def nameless(page: Any, selector: str) -> list[str]:
    """Give what can be used or means something, and has no name that is read aloud."""
    return _found(page.evaluate(_NAMELESS, selector))


def faint(page: Any, selector: str) -> list[str]:
    """Give the texts that stand out too little from what is behind them, with their contrast."""
    return _found(page.evaluate(_FAINT, [selector, LEAST_CONTRAST]))


def cut_off(page: Any, selector: str) -> list[str]:
    """Give what sticks out of its view."""
    return _found(page.evaluate(_CUT_OFF, selector))
