package web

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"reconnect.example/internal/safename"
	"reconnect.example/refserver/printing"
	"reconnect.example/vault"
)

// fetching is how long somebody may take to fetch what was made for them to print: it
// lies in memory so long.
const fetching = 3 * time.Minute

// printView is the page on which one chooses what is printed.
type printView struct {
	Form   *form
	Papers []chosenPaper // that can be printed
	Others []vault.Item  // that cannot
	Makes  bool          // papers are printed here
	Sheets bool          // the original of some was seen, which their print says
	Seen   seenKinds     // of which there are lists
}

// printForm shows what can be printed. What a link names is chosen already: a paper, or
// all of a folder.
func (p *pages) printForm(v *visit) error {
	f := newForm()
	query := v.r.URL.Query()
	f.Values["items"] = query["paper"]
	view, err := v.printing(f, query.Get("folder"))
	if err != nil {
		return err
	}
	return v.show("print", view)
}

// printing lists the papers as their page does: folder by folder.
func (v *visit) printing(f *form, chosenFolder string) (printView, error) {
	view := printView{Form: f, Makes: v.pages.Printer != nil}
	folders, papers, err := v.foldersAndPapers()
	if err != nil {
		return view, err
	}
	add := func(papers []vault.Item, all bool) {
		for _, i := range papers {
			if _, readable := showable(i.Document.MediaType); readable {
				view.Sheets = view.Sheets || v.pages.Staff != nil && i.Document.Attested != ""
				view.Papers = append(view.Papers, chosenPaper{i, all || slices.Contains(f.Values["items"], i.ID.String())})
			} else {
				view.Others = append(view.Others, i)
			}
		}
	}
	if view.Seen, err = v.kindsSeen(); err != nil {
		return view, err
	}
	all, loose := cabinets(folders, papers)
	add(loose, false)
	for _, c := range all {
		add(c.Papers, slices.ContainsFunc(c.All, func(f vault.Item) bool { return f.ID.String() == chosenFolder }))
	}
	return view, nil
}

// print answers with one PDF of the papers that were chosen, in the order of the page.
// Each of them is in the journal before its first byte is read.
func (p *pages) print(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	if p.Printer == nil {
		return vault.ErrNotFound
	}
	view, err := v.printing(f, "")
	if err != nil {
		return err
	}
	var chosen []vault.Item
	for i := range view.Papers {
		if f.Get("what") == "all" {
			view.Papers[i].Chosen = true
		}
		if view.Papers[i].Chosen {
			chosen = append(chosen, view.Papers[i].Item)
		}
	}
	if len(chosen) == 0 {
		f.Problem = v.t("print.nothing")
		return v.showWith(http.StatusUnprocessableEntity, "print", view)
	}
	var made *printing.Made
	papers, of, err := v.toPrint(chosen)
	if err == nil {
		made, err = p.Printer.Print(v.ctx(), papers)
	}
	if err != nil {
		return v.notPrinted(view, of, err)
	}
	defer made.Close() //nolint:errcheck // it has no error
	v.w.Header().Set("Content-Security-Policy", previewPolicy)
	v.w.Header().Set("Content-Type", "application/pdf")
	v.w.Header().Set("Content-Disposition", safename.Inline(v.t("print.file")+".pdf"))
	v.w.Header().Set("Content-Length", strconv.Itoa(len(made.PDF)))
	v.deliver(made.PDF)
	return nil
}

// toPrint opens a paper when its turn has come, and puts behind it what says that its
// original was seen. of are the papers that these are, or are about.
func (v *visit) toPrint(chosen []vault.Item) (papers []printing.Paper, of []vault.Item, err error) {
	if len(chosen) > printing.MaxPapers {
		return nil, nil, printing.ErrTooMuch // before anything is verified of them
	}
	for _, i := range chosen {
		papers = append(papers, printing.Paper{Size: i.Document.Size, Open: func() (io.ReadCloser, error) {
			content, err := v.vault.PrintDocument(v.ctx(), i.ID)
			if err != nil {
				return nil, err
			}
			if content.Item.Revision != i.Revision { // replaced since: of another length
				_ = content.Close()
				return nil, vault.ErrRevision
			}
			return content, nil
		}})
		of = append(of, i)
		sheet, seen, err := v.seenPaper(i)
		if err != nil {
			return nil, nil, err
		}
		if seen {
			papers, of = append(papers, sheet), append(of, i)
		}
	}
	return papers, of, nil
}

// notPrinted says on the page which paper cannot be printed, and why. The choice stays.
func (v *visit) notPrinted(view printView, of []vault.Item, err error) error {
	refused := (*printing.Refusal)(nil)
	switch {
	case errors.As(err, &refused) && refused.Paper >= 0 && refused.Paper < len(of):
		view.Form.Problem = v.t("print.refused", of[refused.Paper].Name) + " " + v.whyNotPrinted(refused.Why)
	case errors.As(err, &refused):
		view.Form.Problem = v.t("print.too-much")
	case errors.Is(err, printing.ErrTooMuch):
		view.Form.Problem = v.t("print.too-much")
	case errors.Is(err, printing.ErrBusy):
		view.Form.Problem = v.t("print.busy")
		v.w.Header().Set("Retry-After", "30")
		return v.showWith(http.StatusServiceUnavailable, "print", view)
	default:
		return err
	}
	return v.showWith(http.StatusUnprocessableEntity, "print", view)
}

func (v *visit) whyNotPrinted(why printing.Why) string {
	switch why {
	case printing.WhyKind:
		return v.t("print.why-kind")
	case printing.WhyLarge:
		return v.t("print.why-large")
	case printing.WhyLocked:
		return v.t("print.why-locked")
	}
	return v.t("print.why-broken")
}

// deliver writes what lies in memory, within a time: who takes it byte by byte would
// keep others from printing. What is broken off must not pass for a whole.
func (v *visit) deliver(pdf []byte) {
	until := time.Now().Add(fetching)
	for len(pdf) > 0 {
		n := min(len(pdf), 64<<10)
		if _, err := v.w.Write(pdf[:n]); err != nil || time.Now().After(until) {
			panic(http.ErrAbortHandler) // net/http: closes the connection, logs nothing
		}
		pdf = pdf[n:]
	}
}

// papersListView is what there is, for a drawer: names, folders, and until when each is
// good.
type papersListView struct {
	Rows []listedPaper
	At   time.Time
}

type listedPaper struct {
	vault.Item
	FolderName string
	Ended      bool
}

// printPapers lists the papers, those that end first at the beginning.
func (p *pages) printPapers(v *visit) error {
	folders, papers, err := v.foldersAndPapers()
	if err != nil {
		return err
	}
	view := papersListView{At: v.now()}
	today := v.now().In(v.zone).Format(time.DateOnly)
	all, loose := cabinets(folders, papers)
	for _, c := range append(all, &cabinet{Papers: loose}) {
		for _, i := range c.Papers {
			view.Rows = append(view.Rows, listedPaper{i, c.Name, i.Document.Expires != "" && string(i.Document.Expires) < today})
		}
	}
	slices.SortStableFunc(view.Rows, func(a, b listedPaper) int {
		if (a.Document.Expires == "") != (b.Document.Expires == "") {
			if a.Document.Expires == "" {
				return 1
			}
			return -1
		}
		return cmp.Compare(a.Document.Expires, b.Document.Expires)
	})
	return v.show("print-papers", view)
}

// blankRows are to be written on by hand, on paper.
const blankRows = 4

// printedAppointments is the sheet for the wall: what comes, in large letters.
type printedAppointments struct {
	Coming []vault.Item
	Blank  []struct{}
	At     time.Time
}

func (p *pages) printAppointments(v *visit) error {
	coming, _, err := v.sortedAppointments()
	if err != nil {
		return err
	}
	return v.show("print-appointments", printedAppointments{coming, make([]struct{}, blankRows), v.now()})
}

// printedContacts is the list for the pocket.
type printedContacts struct {
	Contacts []vault.Item
	Blank    []struct{}
	At       time.Time
}

func (p *pages) printContacts(v *visit) error {
	contacts, err := v.list(vault.KindContact)
	if err != nil {
		return err
	}
	return v.show("print-contacts", printedContacts{contacts, make([]struct{}, blankRows), v.now()})
}
