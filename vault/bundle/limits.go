package bundle

// Limits bound what is read of what others made. A zero field takes its default.
type Limits struct {
	Entries int   // files and folders; default 20,000
	Bytes   int64 // of all files together, unpacked; default 2 GiB
	Ratio   int64 // how often larger a file of over 1 MiB may become when it is unpacked; default 200
	Path    int   // bytes of a path; default 1024
	Depth   int   // folders in folders; default 16
	Table   int64 // bytes of one table or list (JSON, CSV, vCard, iCalendar), which is read as a whole; default 32 MiB
}

func (l Limits) orDefault() Limits {
	if l.Entries == 0 {
		l.Entries = 20_000
	}
	if l.Bytes == 0 {
		l.Bytes = 2 << 30
	}
	if l.Ratio == 0 {
		l.Ratio = 200
	}
	if l.Path == 0 {
		l.Path = 1024
	}
	if l.Depth == 0 {
		l.Depth = 16
	}
	if l.Table == 0 {
		l.Table = 32 << 20
	}
	return l
}
