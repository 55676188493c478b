#include "lib/base/host_port.h"

#include <string>
#include <utility>

#include "test/harness/catch.h"

namespace zkq {
namespace {

std::string Read(std::string_view address) {
  const std::optional<HostPort> read = ReadHostPort(address);
  if (!read) return "unreadable";
  return "<" + std::string(read->host) + "> " + std::to_string(read->port);
}

TEST_CASE("a host and a port are taken apart") {
  CHECK(Read("name:7001") == "<name> 7001");
  CHECK(Read("zk-1.my_app.svc.cluster.local:7001") == "<zk-1.my_app.svc.cluster.local> 7001");
  CHECK(Read("host.:1") == "<host.> 1");
  CHECK(Read("10.0.0.7:65535") == "<10.0.0.7> 65535");
  CHECK(Read("[::1]:7001") == "<::1> 7001");
  CHECK(Read("[fe80::1%eth0]:7001") == "<fe80::1%eth0> 7001");
  CHECK(Read("[1:2:3:4:5:6:7:8]:1") == "<1:2:3:4:5:6:7:8> 1");
  CHECK(Read("[1:2:3:4:5:6:7::]:1") == "<1:2:3:4:5:6:7::> 1");
  CHECK(Read("[::ffff:10.0.0.7]:1") == "<::ffff:10.0.0.7> 1");
  CHECK(Read("[::]:0") == "<::> 0");
  CHECK(Read(":7001") == "<> 7001");
}

TEST_CASE("a text that is no host and port is unreadable") {
  for (const char* port :
       {"h", "h:", "h:x", "h:+1", "h:-1", "h: 1", "h:1 ", "h:65536", "h:1,", ""}) {
    CAPTURE(port);
    CHECK(Read(port) == "unreadable");
  }
  for (const char* host :
       {"a..b",    ".a",         "a b",     " a",        "a/b",       "unix:/a", "dns:///a",
        "h:1;2=h", "ü",          "1.2.3",   "1.2.3.256", "1.2.3.4.5", "a.7",     "7",
        "0x0",     "0X7f000001", "1.2.0x3", "010.0.0.1", "::1",       "[::1",    "::1]"}) {
    CAPTURE(host);
    CHECK(Read(std::string(host) + ":1") == "unreadable");
  }
  for (const char* ipv6 : {"", ":", "1", "1.2.3.4", "1:", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
                           "1::2::3", "1.2.3.4::", "::1.2.3.4.", "::01.2.3.4",
                           ":::", "12345::", "g::", "1:2:3:4:5:6:7:8::", "::1.2.3", "1::2:"}) {
    CAPTURE(ipv6);
    CHECK(Read("[" + std::string(ipv6) + "]:1") == "unreadable");
  }
  CHECK(Read(std::string(63, 'a') + ":1") != "unreadable");
  CHECK(Read(std::string(64, 'a') + ":1") == "unreadable");
  std::string name = "a";
  while (name.size() < 254) name += ".a";
  CHECK(Read(name + ":1") == "unreadable");
}

TEST_CASE("an address that nobody can dial is told from one that somebody can") {
  for (const char* good :
       {"h:1", "127.0.0.1:1", "[::1]:1", "[::ffff:1.0.0.1]:1", "223.255.255.255:1",
        "[fe80::1%eth0]:1", "[ff::1]:1", "ffab.example:1"}) {
    CAPTURE(good);
    CHECK(WhyNotDialled(good) == "");
  }
  CHECK(WhyNotDialled("h") == "it is not host:port");
  CHECK(WhyNotDialled(":1") == "it names no host");
  CHECK(WhyNotDialled("h:0") == "others cannot dial port 0");
  CHECK(WhyNotDialled("::1:7002") == "an IPv6 address stands in brackets, as in [::1]:7001");
  for (const char* wildcard :
       {"0.0.0.0:1", "[::]:1", "[0:0:0:0:0:0:0:0]:1", "[::0.0.0.0]:1", "[::%eth0]:1",
        "[::ffff:0.0.0.0]:1", "[::FFFF:0:0]:1", "[0:0:0:0:0:ffff:0:0]:1", "[::FfFf:0.0.0.0]:1"}) {
    CAPTURE(wildcard);
    CHECK(WhyNotDialled(wildcard) == "others cannot dial a wildcard address");
  }
  for (const char* many :
       {"224.0.0.1:1", "255.255.255.255:1", "240.0.0.1:1", "[ff02::1]:1", "[FF02::1%eth0]:1",
        "[fF02::1]:1", "[::ffff:239.1.1.1]:1", "[::ffff:e000:1]:1", "[::ffff:ffff:1]:1",
        "0.1.2.3:1", "[::ffff:0.0.0.1]:1"}) {
    CAPTURE(many);
    CHECK(WhyNotDialled(many) == "it is a multicast or reserved address, of no server");
  }
}

TEST_CASE("one place has one spelling") {
  for (const auto& [one, other] :
       {std::pair("DB:7", "db:7"), std::pair("db:07001", "db:7001"),
        std::pair("[::1]:7", "[0:0::0:1]:7"), std::pair("[FE80::1%eth0]:7", "[fe80::1%eth0]:7"),
        std::pair("[::ffff:10.0.0.7]:7", "10.0.0.7:7")}) {
    CAPTURE(one, other);
    CHECK(PlainSpelling(one) == PlainSpelling(other));
  }
  for (const auto& [one, other] :
       {std::pair("db:7", "db2:7"), std::pair("db:7", "db:70"), std::pair("[::1]:7", "[::2]:7"),
        std::pair("[fe80::1%eth0]:7", "[fe80::1%eth1]:7"), std::pair("A", "a")}) {
    CAPTURE(one, other);
    CHECK(PlainSpelling(one) != PlainSpelling(other));
  }
}

}  // namespace
}  // namespace zkq
