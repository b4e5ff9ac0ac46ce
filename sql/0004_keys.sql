-- SPDX-License-Identifier: MIT
-- Keys compare as bytes: the order of any other collation changes with the C library or ICU, and an index that
-- is sorted by yesterday's order may take a key twice.
--
-- Postgres changes no column that a view or a trigger's condition names. So those are taken away and made again,
-- others' too. What can't be made again as it was ends the migration, which then has changed nothing.
do $$
declare
    tables constant oid[] := array['sluice.webhooks_raw'::regclass, 'sluice.webhooks_dead'::regclass];
    takes text[] := '{}';
    makes text[] := '{}';
    path constant text := current_setting('search_path');
    thing record;
begin
    perform set_config('search_path', '', true);  -- so that all that is written down names its schema
    for thing in
        with recursive dependent (view, depth) as (
            select r.ev_class, 1
            from pg_depend d join pg_rewrite r on r.oid = d.objid
            where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass
              and d.refobjid = any (tables) and r.ev_class <> d.refobjid
            union
            select r.ev_class, v.depth + 1
            from dependent v
            join pg_depend d on d.refobjid = v.view and d.classid = 'pg_rewrite'::regclass
                            and d.refclassid = 'pg_class'::regclass
            join pg_rewrite r on r.oid = d.objid and r.ev_class <> v.view
        )
        select c.oid, c.oid::regclass::text as name, c.relkind, c.relacl, array_to_string(c.reloptions, ', ') as options,
               pg_get_userbyid(c.relowner) as owner, obj_description(c.oid, 'pg_class') as told,
               exists (select from pg_trigger where tgrelid = c.oid)
               or exists (select from pg_attrdef where adrelid = c.oid)
               or exists (select from pg_attribute where attrelid = c.oid and attacl is not null)
               or (select count(*) from pg_rewrite where ev_class = c.oid) > 1 as has_more
        from dependent join pg_class c on c.oid = dependent.view
        group by c.oid
        order by max(depth)
    loop
        if thing.relkind <> 'v' or thing.has_more then
            raise exception '% depends on the tables of Sluice and can''t be made again as it is: drop it, run setup, then make it anew',
                thing.name;
        end if;
        takes := format('drop view %s', thing.name) || takes;
        makes := makes || format('create view %s%s as %s', thing.name, ' with (' || thing.options || ')',
                                 pg_get_viewdef(thing.oid))
                       || format('alter view %s owner to %I', thing.name, thing.owner)
                       || format('comment on view %s is %L', thing.name, thing.told);
        makes := makes || array(
            select format('grant %s on %s to %s%s', privilege_type, thing.name,
                          case when grantee = 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end,
                          case when is_grantable then ' with grant option' else '' end)
            from aclexplode(thing.relacl));
    end loop;

    for thing in
        select t.oid, quote_ident(t.tgname) as name, t.tgrelid::regclass::text as its_table,
               obj_description(t.oid, 'pg_trigger') as told,
               case t.tgenabled when 'D' then 'disable' when 'R' then 'enable replica' when 'A' then 'enable always'
                                else 'enable' end as state
        from pg_trigger t
        where t.tgrelid = any (tables) and not t.tgisinternal and exists (
            select from pg_depend d join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
            where d.classid = 'pg_trigger'::regclass and d.objid = t.oid and d.refclassid = 'pg_class'::regclass
              and d.refobjid = t.tgrelid and a.attname in ('id', 'source'))
    loop
        takes := format('drop trigger %s on %s', thing.name, thing.its_table) || takes;
        makes := makes || pg_get_triggerdef(thing.oid)
                       || format('alter table %s %s trigger %s', thing.its_table, thing.state, thing.name)
                       || format('comment on trigger %s on %s is %L', thing.name, thing.its_table, thing.told);
    end loop;

    for place in 1 .. cardinality(takes) loop
        execute takes[place];
    end loop;
    alter table sluice.webhooks_raw alter column id type text collate "C", alter column source type text collate "C";
    alter table sluice.webhooks_dead alter column id type text collate "C", alter column source type text collate "C";
    for place in 1 .. cardinality(makes) loop
        execute makes[place];
    end loop;
    perform set_config('search_path', path, true);
end
$$;

-- The newest of a source, or a day of it.
create index webhooks_raw_source_received_at on webhooks_raw (source, received_at);
