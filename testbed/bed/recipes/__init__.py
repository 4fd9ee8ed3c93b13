"""How each kind of component is made. A recipe gives the steps of a component."""
