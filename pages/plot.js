// A Plotly figure in a node that stays: data change what is drawn in it, and zoom and hidden lines are kept while the question is
// the same, because Plotly keeps what the viewer did as long as `uirevision` is equal.
const FULL_SCREEN = {
  name: "fullscreen",
  title: "Fullscreen",
  icon: { width: 24, height: 24, path: "M3 3h7v2H5v5H3zM14 3h7v7h-2V5h-5zM3 14h2v5h5v2H3zM19 14h2v7h-7v-2h5z" },
  click: (node) => (document.fullscreenElement ? document.exitFullscreen() : node.requestFullscreen()),
};
const CONFIG = {
  displaylogo: false,
  showSendToCloud: false,
  modeBarButtonsToRemove: ["lasso2d", "select2d"],
  modeBarButtonsToAdd: [FULL_SCREEN],
};

let loading;

function plotly(address) {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      loading = undefined;
      reject(new Error("The library that draws charts could not be loaded. Reload the page."));
    };
    document.head.append(script);
  });
  return loading;
}

function themed(node) {
  const style = getComputedStyle(node);
  const named = (name) => style.getPropertyValue(`--st-${name}`).trim();
  const [text, faint, ground, clear] = [named("text-color"), named("border-color-light"), named("background-color"), "rgba(0, 0, 0, 0)"];
  const axis = { gridcolor: faint, zerolinecolor: faint, tickcolor: faint, tickfont: { size: 12 }, title: { font: { size: 13 } } };
  return {
    font: { color: text, family: named("font"), size: 12 },
    paper_bgcolor: clear,
    plot_bgcolor: clear,
    margin: { pad: 6 },
    hoverlabel: { bgcolor: ground, bordercolor: faint, font: { color: text, family: named("font") } },
    modebar: { bgcolor: clear, color: text, activecolor: named("primary-color") },
    xaxis: { ...axis, showgrid: false, zeroline: false },
    yaxis: axis,
  };
}

function withChosen(traces, chosen) {
  const places = traces.map(({ customdata }) => (customdata ?? []).flatMap((word, place) => (word === chosen ? [place] : [])));
  if (!places.some((found) => found.length)) return traces;
  return traces.map((trace, number) => (trace.customdata ? { ...trace, selectedpoints: places[number] } : trace));
}

export default async function ({ data, parentElement, setTriggerValue }) {
  const node = parentElement.querySelector(".plot");
  const { data: traces, layout } = JSON.parse(data.figure);
  const { height, ...rest } = layout;
  node.style.height = `${height}px`;
  node.setAttribute("aria-label", data.alt);
  node.take = (word) => setTriggerValue("clicked", word);
  const Plotly = await plotly(data.script);
  const drawn = { ...rest, template: { layout: themed(node) }, uirevision: data.question };
  await Plotly.react(node, withChosen(traces, data.chosen), drawn, CONFIG);
  if (!node.sized) {
    node.on("plotly_click", ({ points: [point] }) => point?.customdata && node.take(point.customdata));
    node.sized = new ResizeObserver(() => node.offsetWidth && Plotly.Plots.resize(node));
    node.sized.observe(node);
  }
  // Streamlit also calls this for a run that a later one overtook: the node is then still in use.
  return () => {
    if (node.isConnected) return;
    node.sized.disconnect();
    Plotly.purge(node);
  };
}
