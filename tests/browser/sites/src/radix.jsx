// A modal of Radix: holds the focus inside, hides the rest from assistive technology, closes on a click outside.
import * as Dialog from "@radix-ui/react-dialog";
import { useState } from "react";
import { createRoot } from "react-dom/client";

function App() {
  const [open, setOpen] = useState(false);
  const [notes, setNotes] = useState([]);
  const keep = (event) => {
    event.preventDefault();
    setNotes([...notes, new FormData(event.target).get("note")]);
    setOpen(false);
  };
  return (
    <main>
      <h1>Notes</h1>
      <Dialog.Root open={open} onOpenChange={setOpen}>
        <Dialog.Trigger id="open">New note</Dialog.Trigger>
        <Dialog.Portal>
          <Dialog.Overlay className="overlay" />
          <Dialog.Content className="modal" id="dialog">
            <Dialog.Title>New note</Dialog.Title>
            <Dialog.Description>It stays on this page.</Dialog.Description>
            <form id="note-form" onSubmit={keep}>
              <label>Note <input name="note" id="note" autoComplete="off" /></label>
              <button type="submit" id="keep">Keep</button>
              <button type="button" id="dead">Attach</button>
            </form>
            <Dialog.Close id="close">Close</Dialog.Close>
          </Dialog.Content>
        </Dialog.Portal>
      </Dialog.Root>
      <ul className="list" id="notes">{notes.map((one, n) => <li key={n}>{one}</li>)}</ul>
    </main>
  );
}

createRoot(document.getElementById("root")).render(<App />);
