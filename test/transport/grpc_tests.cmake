# The shipped transport: its contract on real sockets, its parts without, and bad
# peers at its port.
zkq_test(grpc_transport_test
  SOURCES grpc_transport_test.cc grpc_ports.cc
  LINK zkq::testing
  LABELS grpc)

zkq_test(transport_parts_test
  SOURCES grpc_codec_test.cc grpc_lanes_test.cc grpc_link_table_test.cc
  PARTS zkq_transport zkq_base protobuf::libprotobuf-lite
  LABELS unit)

zkq_test(grpc_bad_peers_test
  SOURCES grpc_bad_peers_test.cc grpc_ports.cc
  PARTS zkq_transport zkq_base gRPC::grpc++ protobuf::libprotobuf-lite
  LABELS grpc)
