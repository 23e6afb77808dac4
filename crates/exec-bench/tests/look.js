addEventListener('load', () => {
  const frame = document.getElementById('frame'), page = frame.contentDocument;
  const box = (element) => element.getBoundingClientRect();
  const inside = (a, b) =>
    a.left >= b.left - 1 && a.right <= b.right + 1 &&
    a.top >= b.top - 1 && a.bottom <= b.bottom + 1;
  const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\d.]+/g).map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) =>
    (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const style = (element) => frame.contentWindow.getComputedStyle(element);
  const charts = [...page.querySelectorAll('svg.chart')];
  const texts = charts.flatMap((c) => [...c.querySelectorAll('text')].map((text) => [text, c]));
  const marks = [...page.querySelectorAll('svg rect.s0, svg circle.s0')];
  const card = style(page.querySelector('figure')).backgroundColor;
  const result = {
    charts: charts.length,
    narrowest: Math.min(...charts.map((chart) => box(chart).width)),
    beside: charts.length > 1 && box(charts[0]).top === box(charts[1]).top,
    wide: page.documentElement.scrollWidth,
    outside: texts.filter(([t, c]) => !inside(box(t), box(c))).map(([t]) => t.textContent),
    smallest: Math.min(...texts.map(([t]) => box(t).height)),
    dark: light(style(page.body).backgroundColor) < 0.1,
    contrast: Math.min(
      ...texts.map(([t]) => contrast(style(t).fill, card)),
      contrast(style(page.body).color, style(page.body).backgroundColor),
    ),
    bars: marks.filter((mark) => contrast(style(mark).fill, card) < 3).length,
    samples: JSON.parse(page.getElementById('samples').textContent).samples.length,
  };
  document.getElementById('result').textContent = JSON.stringify(result);
});
