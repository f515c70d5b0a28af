# Files that live inside the binary: SQL statements, migrations and the built pages. Made again when one of them changes.
set(GEN ${CMAKE_BINARY_DIR}/generated)
file(MAKE_DIRECTORY ${GEN})
file(GLOB_RECURSE sql_files CONFIGURE_DEPENDS src/store/sql/*.sql)
file(GLOB migration_files CONFIGURE_DEPENDS src/store/migrations/*.sql)
file(GLOB_RECURSE page_files CONFIGURE_DEPENDS web/app/dist/*)
add_custom_command(
    OUTPUT ${GEN}/sql.h ${GEN}/sql.c ${GEN}/migrations.c
    COMMAND ${CMAKE_COMMAND} -DROOT=${CMAKE_SOURCE_DIR} -DOUT=${GEN} -P ${CMAKE_SOURCE_DIR}/cmake/embed_store.cmake
    DEPENDS ${sql_files} ${migration_files} cmake/embed_store.cmake VERBATIM)
add_custom_command(
    OUTPUT ${GEN}/pages.c
    COMMAND ${CMAKE_COMMAND} -DROOT=${CMAKE_SOURCE_DIR} -DOUT=${GEN} -P ${CMAKE_SOURCE_DIR}/cmake/embed_pages.cmake
    DEPENDS ${page_files} cmake/embed_pages.cmake VERBATIM)
add_custom_target(sg_embed DEPENDS ${GEN}/sql.h ${GEN}/sql.c ${GEN}/migrations.c ${GEN}/pages.c)
set(STACGATE_GENERATED_STORE ${GEN}/sql.c ${GEN}/migrations.c)
set(STACGATE_GENERATED_PAGES ${GEN}/pages.c)
set_source_files_properties(${STACGATE_GENERATED_STORE} ${STACGATE_GENERATED_PAGES} PROPERTIES GENERATED TRUE)
