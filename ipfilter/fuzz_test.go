package ipfilter_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/pruvon/pruvon/ipfilter"
)

// fuzzRules makes rules out of bytes, seven a rule, within few addresses, so that they meet.
func fuzzRules(data []byte) ipfilter.Rules {
	var rules ipfilter.Rules
	for ; len(data) >= 7; data = data[7:] {
		r := ipfilter.Rule{Allow: data[0]&1 != 0}
		switch addr := fuzzAddr(data[0]>>4, data[2:6]); {
		case data[0]&0b1110 == 0b0010:
			r.Kind = ipfilter.All
		case data[0]&0b1110 == 0b0100:
			r.Kind = ipfilter.Unix
		default:
			r.Prefix = netip.PrefixFrom(addr, int(data[1])%(addr.BitLen()+1))
		}
		if data[6] != 0 {
			r.Until = time.Unix(1<<33, 0)
			if data[6]&1 == 0 {
				r.Until = time.Unix(1, 0)
			}
		}
		rules = append(rules, r)
	}
	return rules
}

func fuzzAddr(form byte, b []byte) netip.Addr {
	v4 := netip.AddrFrom4([4]byte{10, b[1] & 3, b[2], b[3]})
	switch form & 3 {
	case 0:
		return netip.AddrFrom16([16]byte{0x20, 0x01, b[0], b[1], 14: b[2], 15: b[3]})
	case 1:
		return netip.AddrFrom16(v4.As16())
	}
	return v4
}

// FuzzDecide: the table says what going over the rules says, for any list and any form of address.
func FuzzDecide(f *testing.F) {
	f.Add([]byte("\x21\x08\x0a\x00\x00\x00\x00\x20\x18\x0a\x01\x02\x03\x01\x02\x00\x00\x00\x00\x00\x00"), []byte("\x0a\x01\x02\x03"), byte(2))
	f.Add([]byte("\x10\x68\x0a\x00\x00\x00\x00"), []byte("\x0a\x00\x00\x01"), byte(1))
	f.Add([]byte{}, []byte{0, 0, 0, 0}, byte(0))
	f.Fuzz(func(t *testing.T, list, addr []byte, form byte) {
		if len(addr) < 4 || len(list) > 7*200 {
			return
		}
		rules, client := fuzzRules(list), fuzzAddr(form, addr)
		if form&4 != 0 && client.Is6() && !client.Is4In6() {
			client = client.WithZone("eth0")
		}
		filter, err := ipfilter.New(ipfilter.Config{Rules: rules, Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		allowed, index := referenceDecide(rules, client, time.Now())
		if d := filter.Decide(client); d.Allowed != allowed || d.Index != index {
			t.Fatalf("%v: got %v by %d, want %v by %d\n%v", client, d.Allowed, d.Index, allowed, index, rules)
		}
	})
}
