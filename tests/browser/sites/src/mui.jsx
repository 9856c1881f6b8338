// A modal of MUI: its own focus trap and its own way of hiding the rest.
import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogTitle from "@mui/material/DialogTitle";
import TextField from "@mui/material/TextField";
import { useState } from "react";
import { createRoot } from "react-dom/client";

function App() {
  const [open, setOpen] = useState(false);
  const [name, setName] = useState("");
  const [made, setMade] = useState([]);
  const keep = () => {
    setMade([...made, name]);
    setName("");
    setOpen(false);
  };
  return (
    <main>
      <h1>Teams</h1>
      <Button id="open" variant="contained" onClick={() => setOpen(true)}>New team</Button>
      <Dialog open={open} onClose={() => setOpen(false)} id="dialog">
        <DialogTitle>New team</DialogTitle>
        <DialogContent>
          <TextField id="note" label="Name" value={name} onChange={(e) => setName(e.target.value)} margin="dense" />
        </DialogContent>
        <DialogActions>
          <Button id="dead">Invite</Button>
          <Button id="close" onClick={() => setOpen(false)}>Close</Button>
          <Button id="keep" onClick={keep}>Keep</Button>
        </DialogActions>
      </Dialog>
      <ul className="list" id="notes">{made.map((one, n) => <li key={n}>{one}</li>)}</ul>
    </main>
  );
}

createRoot(document.getElementById("root")).render(<App />);
