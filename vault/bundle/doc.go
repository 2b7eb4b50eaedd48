// Package bundle reads what people bring with them, and puts it into a vault: the bundle
// that [vault.Vault.Export] writes (docs/bundle.md), the ZIP that people take away from
// Reconnect, a folder of files or a ZIP of one, contacts as vCard, appointments as
// iCalendar. It seals a bundle with age, and opens such a one.
//
//	b, err := bundle.Open(ctx, file, size, nil)      // everything is read and checked once; nothing is written
//	plan, err := b.Plan(ctx, v, nil)                 // what would come in, what is there, how much room it takes
//	done, err := b.Import(ctx, v, &vault.ImportOptions{Compartment: vault.Private})
//
// Nothing comes in from what is damaged: [Open] names each file that is, and gives no
// bundle. What others made is bounded before it is read: see [Limits].
package bundle
