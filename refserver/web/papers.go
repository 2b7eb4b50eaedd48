package web

import (
	"time"

	"reconnect.example/vault"
)

// papersView is the page of all folders.
type papersView struct {
	Folders []*cabinet
	Loose   []vault.Item // in no folder
}

func (p *pages) papers(v *visit) error {
	folders, papers, err := v.foldersAndPapers()
	if err != nil {
		return err
	}
	var view papersView
	view.Folders, view.Loose = cabinets(folders, papers)
	return v.show("papers", view)
}

// paperView is one paper and the folder that it lies in.
type paperView struct {
	vault.Item
	FolderName string
	Picture    bool        // can be shown on a page of ours
	Readable   bool        // can be shown by the browser
	Attested   *attestView // a relay has seen the original; nil: none has
	Attests    bool        // whoever has it open may sign that
	Remindable bool        // it has a last day to come
	Reminded   time.Time   // of that day; zero: no reminder comes
}

func (p *pages) paper(v *visit) error {
	i, err := v.item(vault.KindDocument)
	if err != nil {
		return err
	}
	view := paperView{Item: i}
	view.Picture, view.Readable = showable(i.Document.MediaType)
	view.Attests = v.mayAttest()
	if view.Remindable, view.Reminded, err = v.remindable(i); err != nil {
		return err
	}
	if view.Attested, err = v.attestedOf(i); err != nil {
		return err
	}
	if view.FolderName, err = v.folderName(i); err != nil {
		return err
	}
	return v.show("paper", view)
}

func (v *visit) folderName(i vault.Item) (string, error) {
	if i.Folder.IsZero() {
		return "", nil
	}
	folder, err := v.vault.Item(v.ctx(), i.Folder)
	return neutral(folder).Name, err
}

var paperEditor = editor{
	kind: vault.KindDocument, template: "paper-edit", extra: folderNames,
	fill: func(v *visit, f *form, i vault.Item) {
		f.Set("title", i.Name)
		f.Set("issued", string(i.Document.Issued))
		f.Set("expires", string(i.Document.Expires))
		if name, err := v.folderName(i); err == nil {
			f.Set("folder", name)
		}
	},
	check: func(v *visit, f *form) {
		v.required(f, "title")
		checkDates(v, f)
	},
}

func checkDates(v *visit, f *form) {
	issued, expires := v.typedDate(f, "issued"), v.typedDate(f, "expires")
	if issued != "" && expires != "" && expires < issued {
		f.refuse("expires", v.t("wrong.expires"))
	}
}

func (p *pages) editPaperForm(v *visit) error { return paperEditor.editForm(v) }

// editPaper changes what is known of a paper. The folder is chosen by name: the
// one of that name in the compartment of the paper.
func (p *pages) editPaper(v *visit) error {
	i, err := v.item(vault.KindDocument)
	if err != nil {
		return err
	}
	f, err := v.readForm()
	if err != nil {
		return err
	}
	folder, err := v.folderIn(f.Get("folder"), i.Compartment)
	if err != nil {
		return err
	}
	e := paperEditor
	e.edit = func(v *visit, f *form) vault.Edit {
		name, issued, expires := f.Get("title"), v.typedDate(f, "issued"), v.typedDate(f, "expires")
		return vault.Edit{Name: &name, Folder: &folder, Issued: &issued, Expires: &expires}
	}
	return e.change(v)
}
