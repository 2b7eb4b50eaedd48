package preview

// Confine is what a child does before it looks at a paper.
var Confine = confine
