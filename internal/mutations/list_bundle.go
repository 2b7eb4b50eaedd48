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
	{"L2", "that two names which some system takes for one are refused", "vault/bundle", "^TestPathsThatLeadOutAreRefused$", []edit{
		{"vault/bundle/files.go", "if fs.folded[fold] {", "if false && fs.folded[fold] {"},
	}},
	{"L2", "the refusal of links", "vault/bundle", "^TestPathsThatLeadOutAreRefused$", []edit{
		{"vault/bundle/archive.go", "case f.Mode()&fs.ModeType != 0:", "case false && f.Mode()&fs.ModeType != 0:"},
	}},
	{"L4", "the sum of what the entries of a ZIP take in it", "vault/bundle", "^TestBombsAreRefused$", []edit{
		{"vault/bundle/archive.go", "packed > uint64(size) {", "packed > 1<<62 {"},
	}},
	{"L4", "how much all files may hold together", "vault/bundle", "^TestBombsAreRefused$", []edit{
		{"vault/bundle/files.go", "fs.total > fs.limits.Bytes || ", ""},
	}},
	{"L10", "the look at the space before the first byte", "vault", "^TestAnImportThatCannotEndWellDoesNotBegin$", []edit{
		{"vault/imports.go", "if plan.Bytes > plan.Left {", "if false {"},
	}},
	{"L11", "the digest of what is stored against what was looked at", "vault", "^TestBytesThatAreNotThoseAnnouncedAreNotKept$", []edit{
		{"vault/imports.go", "if u.written != n.Size || !slices.Equal(u.digest, n.Digest) {", "if u.written != n.Size {"},
	}},
	{"L12", "that what comes in is private unless the person says that it is shared", "vault/bundle", "^TestPrivateUnlessThePersonSaysOtherwise$", []edit{
		{"vault/imports.go", "	case Default:\n		im.opts.Compartment = Private\n", "	case Default:\n		im.opts.Compartment = Shared\n"},
		{"vault/imports.go", "	if im.items[i].Private {\n		return Private\n	}\n", ""},
	}},
	{"L12", "that what was private stays so, whatever the person says of the rest", "vault", "^TestWhatComesInIsWholeAndSaysWhereItWas$", []edit{
		{"vault/imports.go", "	if im.items[i].Private {\n		return Private\n	}\n", ""},
	}},
	{"L13", "by what a thing is known that comes again", "vault", "^TestTheSameImportAgainDoublesNothing$", []edit{
		{"vault/imports.go", "			im.there[f.Key] = it.ID\n", "			_ = f.Key\n"},
	}},
	{"L13", "by what a thing is known in the space that it came from", "vault/bundle", "^TestABundleBringsNothingNewToWhereItWasMade$", []edit{
		{"vault/imports.go", "			im.there[key] = it.ID\n", "			_ = key\n"},
	}},
	{"L14", "the end of the file that everything came out of", "vault", "^TestWhatComesOutOfAFileTakesItsSpace$", []edit{
		{"vault/imports.go", "return out, im.end(ctx)", "return out, nil"},
	}},
	{"L14", "the question whether the file still is the one that was read", "vault", "^TestAFileThatTookThePlaceOfTheOneThatWasReadIsNotLost$", []edit{
		{"vault/record.go", "r, err := t.findRevision(id, revision)\n\tif err == nil && r.item.Kind != KindDocument", "r, err := t.find(id)\n\tif err == nil && r.item.Kind != KindDocument"},
	}},
}
