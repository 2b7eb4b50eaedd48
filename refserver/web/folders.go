package web

import (
	"slices"
	"strings"

	"reconnect.example/vault"
)

// A folder lies in one compartment, like everything. People think of "health"
// as one place, so that pages show folders of one name as one, and each paper in
// it with its lock.

// cabinet is the folders of one name, and what is in them.
type cabinet struct {
	vault.Item              // one of them: its address stands for all
	All        []vault.Item // at most one of each compartment, unless programs made more
	Papers     []vault.Item
}

// cabinets groups folders by name and puts the papers into them. What lies in
// none is returned beside.
func cabinets(folders, papers []vault.Item) (all []*cabinet, loose []vault.Item) {
	byName, byID := map[string]*cabinet{}, map[vault.ItemID]*cabinet{}
	for _, f := range folders {
		c := byName[f.Name]
		if c == nil {
			c = &cabinet{Item: f}
			byName[f.Name] = c
			all = append(all, c)
		}
		c.All = append(c.All, f)
		byID[f.ID] = c
	}
	for _, paper := range papers {
		if c := byID[paper.Folder]; c != nil {
			c.Papers = append(c.Papers, paper)
		} else {
			loose = append(loose, paper)
		}
	}
	slices.SortStableFunc(all, func(a, b *cabinet) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return all, loose
}

// foldersAndPapers lists both at once: every list opens every item of the space, and is a
// line in the journal.
func (v *visit) foldersAndPapers() (folders, papers []vault.Item, err error) {
	items, err := v.listed(&vault.ListOptions{})
	for _, i := range items {
		switch i.Kind {
		case vault.KindFolder:
			folders = append(folders, i)
		case vault.KindDocument:
			papers = append(papers, i)
		}
	}
	return folders, papers, err
}

// cabinet returns the folder of the address with its papers.
func (v *visit) cabinet() (*cabinet, error) {
	id, err := v.itemID()
	if err != nil {
		return nil, err
	}
	folders, papers, err := v.foldersAndPapers()
	if err != nil {
		return nil, err
	}
	all, _ := cabinets(folders, papers)
	for _, c := range all {
		if slices.ContainsFunc(c.All, func(f vault.Item) bool { return f.ID == id }) {
			return c, nil
		}
	}
	return nil, vault.ErrNotFound
}

// folderIn returns the folder of a name in a compartment, made if there is none.
// No name is no folder.
func (v *visit) folderIn(name string, in vault.Compartment) (vault.ItemID, error) {
	if name == "" {
		return vault.ItemID{}, nil
	}
	folders, err := v.vault.List(v.ctx(), &vault.ListOptions{Kind: vault.KindFolder, Compartment: in})
	if err != nil {
		return vault.ItemID{}, err
	}
	for _, f := range folders {
		if neutral(f).Name == name {
			return f.ID, nil
		}
	}
	f, err := v.vault.AddFolder(v.ctx(), name, vault.Place{Compartment: in, Channel: channel})
	return f.ID, err
}

// folderNames are the names to choose from, each once. Who has no folder at all chooses
// from those that the library suggests: it is made with the first paper.
func folderNames(v *visit) (any, error) {
	folders, err := v.list(vault.KindFolder)
	if err != nil {
		return nil, err
	}
	all, _ := cabinets(folders, nil)
	if len(all) == 0 {
		return vault.SuggestedFolders(), nil
	}
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = c.Name
	}
	return names, nil
}

func (p *pages) folder(v *visit) error {
	c, err := v.cabinet()
	if err != nil {
		return err
	}
	return v.show("folder", c)
}

func (p *pages) addFolderForm(v *visit) error {
	return v.show("folder-edit", editing{Form: newForm(), New: true})
}

func (p *pages) addFolder(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	if v.required(f, "name"); f.wrong() {
		return v.again("folder-edit", f, nil, editing{Form: f, New: true})
	}
	err = v.created(f, func() (vault.Item, error) {
		return v.vault.AddFolder(v.ctx(), f.Get("name"), v.placeOf(f))
	})
	if err != nil {
		return v.again("folder-edit", f, err, editing{Form: f, New: true})
	}
	return nil
}

func (p *pages) editFolderForm(v *visit) error {
	c, err := v.cabinet()
	if err != nil {
		return err
	}
	f := newForm()
	f.Set("name", c.Name)
	return v.show("folder-edit", editing{Form: f, Item: c.Item, Extra: len(c.Papers)})
}

func (p *pages) editFolder(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	c, err := v.cabinet()
	if err != nil {
		return err
	}
	data := editing{Form: f, Item: c.Item, Extra: len(c.Papers)}
	if v.required(f, "name"); f.wrong() {
		return v.again("folder-edit", f, nil, data)
	}
	name := f.Get("name")
	for _, folder := range c.All {
		if _, err := v.vault.Edit(v.ctx(), folder.ID, folder.Revision, vault.Edit{Name: &name}); err != nil {
			return v.again("folder-edit", f, err, data)
		}
	}
	return v.goTo(itemPath(c.Item), "changed")
}

// removeFolder removes an empty folder. Folders do not go into the bin: there
// is nothing in them that could be missed.
func (p *pages) removeFolder(v *visit) error {
	c, err := v.cabinet()
	if err != nil {
		return err
	}
	if len(c.Papers) > 0 {
		return vault.ErrNotEmpty
	}
	for _, folder := range c.All {
		if _, err := v.vault.Bin(v.ctx(), folder.ID, folder.Revision); err != nil {
			return err
		}
	}
	return v.goTo("/papers", "folder-removed")
}
