"""The kernel half of the widgets; the browser half of each has the same name in `widgets/src`."""
