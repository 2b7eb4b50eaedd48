package main

// onBundles are the defences against what people bring with them, or are given to bring.
var onBundles = []mutation{
	{"L1", "the digest of each file of a bundle", "vault/bundle", "^TestWhatIsWrongWithABundleIsNamed$", []edit{
		{"vault/bundle/bag.go", "case hex.EncodeToString(sum) != want:", "case false && hex.EncodeToString(sum) != want:"},
	}},
	{"L2", "the look at each path", "vault/bundle", "^TestPathsThatLeadOutAreRefused$", []edit{
		{"vault/bundle/files.go", `if part == "" || part == "." || part == ".." {`, `if false && part == ".." {`},
	}},
	{"L3", "the count of entries before a list is made of them", "vault/bundle", "^TestMillionsOfEntriesAreRefusedBeforeTheyTakeMemory$", []edit{
		{"vault/bundle/archive.go", "if count > uint64(l.Entries) {", "if false {"},
	}},
	{"L4", "how much larger a file may become", "vault/bundle", "^TestBombsAreRefused$", []edit{
		{"vault/bundle/archive.go", "f.UncompressedSize64/uint64(l.Ratio) > f.CompressedSize64:", "f.UncompressedSize64/uint64(l.Ratio) > f.CompressedSize64 && false:"},
	}},
	{"L5", "that only the person's own imports are known again", "vault", "^TestOnlyThePersonsOwnImportsCount$", []edit{
		{"vault/imports.go", "ok && it.Origin.By.Kind == ActorPerson {", "ok {"},
	}},
	{"L6", "the bound on the work of a passphrase", "vault/bundle", "^TestTheWorkOfAPassphraseIsBounded$", []edit{
		{"vault/bundle/sealing.go", "		id.SetMaxWorkFactor(workFactor)\n", ""},
	}},
	{"L7", "how deep a calendar may nest, which ends the program", "vault/bundle", "^TestAListThatIsMadeToEndTheProgramIsRefused$", []edit{
		{"vault/bundle/lines.go", "return true, depth <= mostDepth && headFits(line, n)", "return true, depth <= 1<<40 && headFits(line, n)"},
	}},
	{"L8", "where the items of a bundle stop", "vault/bundle", "^TestABundleOfCountlessItemsDoesNotFillTheMemory$", []edit{
		{"vault/bundle/bag.go", "dec.More() && len(*l) <= vault.MaxItems; {", "dec.More() && len(*l) <= 1<<40; {"},
	}},
	{"L9", "that only what the person moved is known by its first name", "vault/bundle", "^TestAWorkerKeepsNothingOutOfAMove$", []edit{
		{"vault/bundle/bag.go", "ok && it.Origin.By.Kind == vault.ActorPerson {", "ok {"},
	}},
}
