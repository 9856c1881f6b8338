// app/layout.jsx: rendered on the server, taken over in the browser.
import { Handrail } from "./handrail";

export default function Layout({ children, userId }) {
  return (
    <html lang="en">
      <head>
        <title>Next</title>
      </head>
      <body>
        {children}
        <Handrail userId={userId} />
      </body>
    </html>
  );
}
