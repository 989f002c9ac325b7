package terminal

import (
	"bytes"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// asks finds, without the parser under test, what a terminal would answer.
var asks = []*regexp.Regexp{
	regexp.MustCompile(`\x05`),
	regexp.MustCompile(`\x1bZ`),
	regexp.MustCompile(`\x1bP`),
	regexp.MustCompile(`\x1b_`),
	regexp.MustCompile(`(?:\x1b\[|\x{9b})[<=>?]?[0-9;:]*[cntx]`),
	regexp.MustCompile(`(?:\x1b\[|\x{9b})[?>][0-9;:]*[uSqmp]`),
	regexp.MustCompile(`(?:\x1b\[|\x{9b})[0-9;:]*q`),
	regexp.MustCompile(`(?:\x1b\[|\x{9b})\??[0-9;:]*\$p`),
	regexp.MustCompile(`(?:\x1b\[|\x{9b})[0-9;:]*\*y`),
	regexp.MustCompile(`(?:\x1b\]|\x{9d})(?:4|5|1[0-9]|52);[^\x07\x1b]*\?`),
	regexp.MustCompile(`\x1b\[\?[0-9;]*2048[0-9;]*h`),
}

func requireSilent(t *testing.T, picture []byte) {
	t.Helper()
	for _, re := range asks {
		if loc := re.FindIndex(picture); loc != nil {
			// Pushing kitty keyboard flags asks nothing.
			if m := picture[loc[0]:loc[1]]; bytes.HasPrefix(m, []byte("\x1b[>")) && bytes.HasSuffix(m, []byte("u")) {
				continue
			}
			t.Fatalf("the picture asks: %q by %s", picture[loc[0]:loc[1]], re)
		}
	}
}

// shownBefore is what a terminal has drawn before it gets a picture: it ends
// in a character in a title.
const shownBefore = "\x1b[?1049;1000;2004h\x1b[1;31m\x1b]2;cut \xe2\x82"

func requireShows(t *testing.T, tr *tracker, newest []byte, limit int) []byte {
	t.Helper()
	p := tr.Picture(newest, limit)
	require.LessOrEqual(t, len(p), limit)
	fresh := newTracker(tr.rows)
	fresh.Write([]byte(shownBefore))
	fresh.Write(p)
	// What the stream goes on with may become a question, asked once.
	requireSilent(t, p[:fresh.unfinished()-int64(len(shownBefore))])
	require.Equal(t, tr.modes, fresh.modes)
	require.Equal(t, tr.Title(), fresh.Title())
	if at := tr.unfinished(); at < tr.off-int64(len(newest)) || tr.off-at > maxTail {
		return p // the sequence under way is out of reach, and swallowed
	}
	require.Equal(t, tr.state, fresh.state)
	require.Equal(t, tr.need, fresh.need)
	return p
}

const blank = pictureReset

func TestPicture(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"empty", "", blank},
		{"text", "one\r\ntwo", blank + "one\r\ntwo"},
		{"modes", "\x1b[?2004h$ ", blank + "\x1b[?2004h$ "},
		{"queries and bell", "a\x1b[c\x1b[6n\x05\x07\x1b]11;?\x07\x1bP$qm\x1b\\b", blank + "ab"},
		{"clipboard, notification, print, window", "\x1b]52;c;aGk=\x07\x1b]9;hi\x07\x1b[5i\x1b[3;0;0tx", blank + "x"},
		{"from the last clear", "old\r\n\x1b[H\x1b[2Jnew", blank + "\x1b[H\x1b[2Jnew"},
		{"from the last clear, all of it", "old\r\n\x1b[H\x1b[2Jone\r\ntwo", blank + "\x1b[H\x1b[2Jone\r\ntwo"},
		{"from a clear by ED 0", "old\r\n\x1b[H\x1b[Jnew", blank + "\x1b[H\x1b[Jnew"},
		{"ED 0 from elsewhere", "old\r\n\x1b[2;1H\x1b[Jnew", blank + "old\r\n\x1b[2;1H\x1b[Jnew"},
		{"ED 0 after text", "\x1b[Hold\x1b[Jnew", blank + "\x1b[Hold\x1b[Jnew"},
		{"alternate screen", "$ vi\r\n\x1b[?1049h\x1b[1mtext", blank + "$ vi\r\n\x1b[?1049h\x1b[1mtext"},
		{"back from the alternate screen", "$ vi\r\n\x1b[?1049h\x1b[2Jtext\x1b[?1049l$ ", blank + "$ vi\r\n\x1b[?1049h\x1b[2Jtext\x1b[?1049l$ "},
		{"modes before the clear", "\x1b[1;31m\x1b[?1hx\x1b[H\x1b[2Jy", blank + "\x1b[?1h\x1b[0;1;31m\x1b[H\x1b[2Jy"},
		{"title last", "\x1b]0;one\x07a\x1b]0;two\x07b", blank + "ab\x1b]2;two\x1b\\"},
		{"mode that resizes", "\x1b[?3;25l\x1b[?3hx", blank + "\x1b[?25lx"},
		{"cut within a sequence", "a\x1b[3", blank + "a\x1b[3"},
		{"cut within a character", "a\xe2\x82", blank + "a\xe2\x82"},
		{"cut within a title", "\x1b]2;half", blank + "\x1b]2;half"},
		{"control within a sequence", "a\x1b[3\n1mb", blank + "a\n\x1b[31mb"},
		{"control within a cut sequence", "a\x1b[3\n\x05", blank + "a\n\x1b[3\x00\x00"},
		{"C1 controls", "\u009b1ma\u0085b\u009bc", blank + "\x1b[1ma\u0085b"},
		{"bytes that are no text", "a\xff\x9b31mb", blank + "a31mb"},
		{"long device control string", "a\x1bPq" + strings.Repeat("x", 1000), blank + "a\x1bX"},
		{"long link", "a\x1b]8;;http://" + strings.Repeat("x", 1000) + "\x07b", blank + "ab"},
		{"a link", "a\x1b]8;;http://x\x07b", blank + "a\x1b]8;;http://x\x07b"},
		{"reset", "\x1b[?2004hold\r\n\x1bcnew", blank + "\x1bcnew"},
		{"long title", "a\x1b]2;" + strings.Repeat("x", 1000), blank + "a\x1b]9999;"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := requireShows(t, tracked(24, c.in), []byte(c.in), maxPicture)
			require.Equal(t, c.want, string(got))
		})
	}
}

func TestPictureStartsAtALine(t *testing.T) {
	var b strings.Builder
	for i := range 100_000 {
		b.WriteString(strconv.Itoa(i) + " line\r\n")
	}
	s := b.String()
	p := requireShows(t, tracked(24, s), []byte(s), maxPicture)
	p = bytes.TrimPrefix(p, []byte(blank))
	require.Greater(t, len(p), maxPicture-2*checkpointEvery-lineSearch)
	require.True(t, strings.HasSuffix(s, string(p)))
	require.Equal(t, byte('\n'), s[len(s)-len(p)-1])
}

func TestPictureOfALongAlternateScreen(t *testing.T) {
	history := strings.Repeat("history\r\n", 40_000)
	pages := strings.Repeat("page\r\n", 2_000)
	s := history + "\x1b[?1049h" + pages + "\x1b[H\x1b[2J" + pages
	p := requireShows(t, tracked(24, s), []byte(s), maxPicture)
	require.Contains(t, string(p), "history\r\n\x1b[?1049hpage")

	p = requireShows(t, tracked(24, s), []byte(s), 16<<10)
	require.Equal(t, blank+"\x1b[?1047h\x1b[H\x1b[2J"+pages, string(p))
}

func TestPictureOfAShortRing(t *testing.T) {
	s := strings.Repeat("0123456789\r\n", 10_000)
	tr := tracked(24, "\x1b[?2004h"+s+"\x1b[1mend")
	p := requireShows(t, tr, []byte("end"), maxPicture)
	require.Equal(t, blank+"\x1b[?2004h\x1b[0;1m", string(p))
	requireShows(t, tr, nil, maxPicture)
}

func TestPictureAfterResize(t *testing.T) {
	in := "\x1b[1;31m\x1b7\x1b[m\x1b[2;20rtext"
	tr := tracked(24, in)
	tr.Resize(40)
	requireShows(t, tr, []byte(in), maxPicture)
}

func TestPictureOfRandomStreams(t *testing.T) {
	for seed := range uint64(tenth(1000)) {
		r := rand.New(rand.NewPCG(seed, 2))
		stream := randomStream(r, 1+r.IntN(40_000))
		tr := newTracker(24)
		tr.Write(stream)
		ring := stream[len(stream)-r.IntN(len(stream)+1):]
		if r.IntN(2) == 0 {
			ring = stream
		}
		requireShows(t, tr, ring, 4<<10<<r.IntN(7))
	}
}

func FuzzPicture(f *testing.F) {
	for _, p := range pieces {
		f.Add([]byte(p), uint(0), uint(0))
	}
	f.Fuzz(func(t *testing.T, stream []byte, cut, ring uint) {
		whole, split := newTracker(24), newTracker(24)
		whole.Write(stream)
		n := int(cut % uint(len(stream)+1))
		split.Write(stream[:n])
		split.Write(stream[n:])
		require.Equal(t, whole.view(), split.view())
		requireShows(t, whole, stream[int(ring%uint(len(stream)+1)):], maxPicture)
	})
}

func BenchmarkPicture(b *testing.B) {
	unit := []byte("\x1b[01;34msome-directory\x1b[0m  \x1b[38;5;208mother file\x1b[0m and text\r\n")
	s := bytes.Repeat(unit, 1<<20/len(unit))
	tr := newTracker(24)
	tr.Write(s)
	b.ReportAllocs()
	b.SetBytes(maxPicture)
	for b.Loop() {
		tr.Picture(s, maxPicture)
	}
}
