// A single-page product: client-side routes (history or hash), lists made of li and div, a filter in the query.
import { useState } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter, HashRouter, NavLink, Route, Routes, useNavigate, useSearchParams } from "react-router-dom";

const root = document.getElementById("root");
const Router = root.dataset.router === "hash" ? HashRouter : BrowserRouter;
const base = root.dataset.router === "hash" ? undefined : root.dataset.base.replace(/\/$/, "");
const PLANTS = ["Fern", "Monstera", "Cactus", "Ivy", "Basil", "Aloe"];

function Home() {
  const [count, setCount] = useState(0);
  return (
    <section>
      <h1>Greenhouse</h1>
      <p className="card">Watered <output id="count">{count}</output> times today.</p>
      <button type="button" id="water" onClick={() => setCount(count + 1)}>Water all</button>
      <button type="button" id="dead">Export report</button>
    </section>
  );
}

function Plants() {
  const [query, setQuery] = useSearchParams();
  const [chosen, setChosen] = useState(null);
  const go = useNavigate();
  const [filter, setFilter] = useState(query.get("q") ?? "");
  const narrow = (text) => {
    setFilter(text);
    setQuery({ q: text }, { replace: true });
  };
  return (
    <section>
      <h1>Plants</h1>
      <label>Filter <input id="filter" value={filter} onChange={(e) => narrow(e.target.value)} /></label>
      <ul className="list">
        {PLANTS.filter((one) => one.toLowerCase().includes(filter.toLowerCase())).map((one) => (
          // biome-ignore lint: a control made of a list item, as products have them
          <li key={one} data-plant={one} className={one === chosen ? "chosen" : ""} onClick={() => setChosen(one)}>{one}</li>
        ))}
      </ul>
      <div id="open" className="card" onClick={() => go(`/plants/${chosen ?? PLANTS[0]}`)}>Open {chosen ?? "the first one"}</div>
    </section>
  );
}

function Settings() {
  const [saved, setSaved] = useState(false);
  return (
    <section>
      <h1>Settings</h1>
      <form id="settings" onSubmit={(e) => { e.preventDefault(); setSaved(true); }}>
        <label>Greenhouse name <input name="name" autoComplete="off" /></label>
        <label>E-mail <input name="email" type="email" autoComplete="off" /></label>
        <label><input name="news" type="checkbox" /> Weekly letter</label>
        <button type="submit" id="save">Save</button>
      </form>
      <p role="status">{saved ? "Saved." : ""}</p>
    </section>
  );
}

createRoot(root).render(
  <Router basename={base}>
    <nav>
      <NavLink id="nav-home" to="/">Home</NavLink>
      <NavLink id="nav-plants" to="/plants">Plants</NavLink>
      <NavLink id="nav-settings" to="/settings">Settings</NavLink>
    </nav>
    <main>
      <Routes>
        <Route path="/" element={<Home />} />
        <Route path="/plants" element={<Plants />} />
        <Route path="/plants/:name" element={<section><h1>One plant</h1><p className="card">It grows.</p></section>} />
        <Route path="/settings" element={<Settings />} />
      </Routes>
    </main>
  </Router>,
);
