-- $1 tenant, $2 job, $3 whether the disk was full: it is over, and its owner reads why in their language.
update export_jobs e set status = 'failed', completed_at = now() at time zone 'utc', updated_at = now() at time zone 'utc',
    error = case when english and $3::boolean then 'The server''s disk is full. Tell whoever runs it, then start the export again.'
                 when english then 'The export could not be made. Start it again; if it fails again, tell whoever runs the server.'
                 when $3::boolean then 'Le disque du serveur est plein. Prévenez la personne qui l''administre, puis relancez l''export.'
                 else 'L''export n''a pas pu être fait. Relancez-le ; s''il échoue encore, prévenez la personne qui administre le serveur.' end
from (select coalesce((select u.preferences ->> 'language' = 'en' from export_jobs j join users u on u.id = j.user_id where j.id = $2), false) as english) reader
where e.id = $2 and e.establishment_id = $1 and e.status in ('pending', 'processing') returning export_json(e)
